# @description Initialise the restored mirror disks and reboot (clprestore.sh --post), detached
# @guarded
# @param SkipCopy yesno
# @param Disks names
#
# SkipCopy=yes needs the caller's proof that both nodes' volumes come from one snapshot and neither mirror has run since (safety.md,
# rule 16). Initial mirror construction is read again here; an empty value or an error counts as on. A full root disk keeps no node out of
# the cluster: what is read of the record is whether it was begun in this boot, and /run says that as well.
#include lib/base.sh
#include lib/epoch.sh
DOCUMENT=post-process-restore
SKIP_COPY='{{ SkipCopy }}'
DISKS='{{ Disks }}'
#include lib/guard.sh
#include lib/detached.sh
guard
# belief: clp-fullcopy-guard
# Asked once more if it fails.
fullcopy() {
    RAW=$before
    attempt "fullcopy $1" clpcfget -g "/root/resource/md@$1/parameters/fullcopy"
}
for disk in $DISKS; do
    before=$RAW
    fullcopy "$disk" || fullcopy "$disk" || OUT=1
    [ "$OUT" = 0 ] || refuse state ',"detail":"fullcopy"'
done
EVIDENCE=no
if [ "$SKIP_COPY" = yes ]; then
    detach 900 clprestore.sh --post --skip-copy
else
    detach 900 clprestore.sh --post
fi
