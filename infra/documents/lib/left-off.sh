# A site may have services of CLUSTERPRO's off that no cluster needs. `clpsvcctrl.sh --enable -a` turns them on with the others.
# belief: clp-enable
OPTIONAL='clusterpro_webmgr clusterpro_api'

is_enabled() {
    (exec 8>&- 9>&-; exec timeout -s KILL 10 systemctl is-enabled "$@" 2>/dev/null)
}

# remember_off: writes down which are off. Not once `--pre` has turned all of them off, and not twice.
remember_off() {
    off=''
    [ ! -e "$VAR_ROOT/$RUN/off" ] && [ "$(is_enabled clusterpro clusterpro_md)" = "enabled${LF}enabled" ] || return 0
    for each in $OPTIONAL; do
        [ "$(is_enabled "$each")" != disabled ] || off="$off${off:+ }$each"
    done
    [ -z "$off" ] || { private "$VAR_ROOT/$RUN" && put_durably "$VAR_ROOT/$RUN/off" "$off"; } || :
}

# leave_off: turns these off again. That it fails keeps no node out of the cluster.
leave_off() {
    off=''
    [ ! -e "$VAR_ROOT/$RUN/off" ] || read -r off <"$VAR_ROOT/$RUN/off" || :
    for each in $off; do
        attempt "disable $each" systemctl disable "$each" || :
    done
}
