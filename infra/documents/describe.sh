# @description Describe what a rebuild of this node needs, without what looks like a secret; changes nothing
# @param Run run
# @param Devices paths
# @param Part part
#
# Every command only reads. What is described is compressed, and printed in parts that fit Run Command's 24,000 characters. Each part
# is made anew, so nothing is left on the node; `digest` says whether two parts are of one whole.
#include lib/base.sh
#include lib/redact.sh
DOCUMENT=describe
RUN='{{ Run }}'
EPOCH=null
DEVICES='{{ Devices }}'
PART='{{ Part }}'
# Characters of a part.
SIZE=22000
boot
clock || :
UNTIL=$((NOW + 2000))
[ -d "$RUN_ROOT" ] || private "$RUN_ROOT" || :
WORK=$RUN_ROOT/describe.$$
trap 'rm -f "$WORK.all" "$WORK.names" "$WORK.conf" "$WORK.out" "$WORK.table" "$WORK.pack"' EXIT
umask 077
: >"$WORK.all"
: >"$WORK.names"

# piece NAME RC FILE: a piece of the description.
piece() {
    printf -- '--- %s rc=%s\n' "$1" "$2" >>"$WORK.all"
    cat "$3" >>"$WORK.all"
    # A last line without its end would swallow the next heading.
    [ -z "$(tail -c 1 "$3")" ] || echo >>"$WORK.all"
}

# run NAME COMMAND…: what a command prints. It may take 5 s, and all of them 20 s.
run() {
    name=$1 RC=0
    shift
    clock || NOW=$UNTIL
    [ "$NOW" -lt "$UNTIL" ] || return 0
    timeout -s KILL 5 "$@" </dev/null >"$WORK.out" 2>/dev/null || RC=$?
    piece "$name" "$RC" "$WORK.out"
}

# Beside the directory of CLUSTERPRO's commands: /opt/nec/clusterpro/etc.
CONF=$(command -v clpstat 2>/dev/null) || CONF=/opt/nec/clusterpro/bin/clpstat
CONF=${CONF%/bin/*}/etc/clp.conf
RC=0
if [ ! -r "$CONF" ]; then
    RC=127
    : >"$WORK.conf"
elif ! redact "$CONF" "$WORK.names" >"$WORK.conf" 2>/dev/null; then
    # It is not well formed, so nobody can say where a secret ends.
    RC=1
    : >"$WORK.conf"
    echo 'clp.conf' >"$WORK.names"
fi
piece clp.conf "$RC" "$WORK.conf"
run kernel uname -r
run system cat /etc/os-release
if command -v rpm >/dev/null 2>&1; then
    run packages sh -c "rpm -qa 'clusterpro*' 'expresscls*' 'lvm2' 'systemd' | sort"
else
    run packages dpkg-query -W 'clusterpro*' 'expresscls*' lvm2 systemd
fi
seen=' '
for device in $DEVICES; do
    real=$(timeout -s KILL 5 readlink -e "$device") || continue
    # The disks below it, by the first of our paths that lies on each: a disk's own name may change at any boot.
    for disk in $(timeout -s KILL 5 lsblk -s -n -r -o KNAME,TYPE "$real" 2>/dev/null | sed -n 's/ disk$//p'); do
        case $seen in *" $disk "*) continue ;; esac
        seen="$seen$disk "
        RC=0
        timeout -s KILL 5 sfdisk -d "/dev/$disk" </dev/null 2>/dev/null >"$WORK.out" || RC=$?
        sed "s|/dev/$disk|DISK|g" "$WORK.out" >"$WORK.table"
        piece "partitions of the disk of $device" "$RC" "$WORK.table"
    done
done
# Without locks, and without the file that LVM keeps of its devices. Sizes in bytes.
run 'physical volumes' pvs --readonly --noheadings --units b -O vg_name,pv_uuid -o vg_name,pv_uuid,pv_size
run 'volume groups' vgs --readonly --noheadings --units b -O vg_name -o vg_name,vg_uuid,vg_extent_size,vg_size
run 'logical volumes' lvs --readonly --noheadings --units b -O vg_name,lv_name -o vg_name,lv_name,lv_uuid,lv_size,segtype
set +f
for file in "${MIRRORSNAP_ETC:-/etc}"/lvm/backup/*; do
    [ ! -f "$file" ] || run "lvm backup ${file##*/}" cat "$file"
done
set -f
[ ! -s "$WORK.names" ] || piece 'left out' 0 "$WORK.names"

gzip -n -9 -c "$WORK.all" 2>/dev/null | base64 | tr -d '\n' >"$WORK.pack"
TOTAL=$(wc -c <"$WORK.pack")
TOTAL=$((TOTAL))
PARTS=$(((TOTAL + SIZE - 1) / SIZE))
if [ "$PART" -gt "$PARTS" ]; then
    line failed ',"reason":"part"'
    exit 1
fi
DIGEST=$(sha256sum <"$WORK.pack")
line ok ",\"pack\":{\"part\":$PART,\"parts\":$PARTS,\"characters\":$TOTAL,\"digest\":\"${DIGEST%% *}\"}"
printf -- '--- part rc=0\n'
tail -c "+$(((PART - 1) * SIZE + 1))" "$WORK.pack" | head -c "$SIZE"
echo
