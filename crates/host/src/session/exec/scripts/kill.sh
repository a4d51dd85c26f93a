# Kills the processes that carry the tag $1 in their environment, and all that descend from them by parent, group or
# session, until none is left. Needs neither ps nor pgrep.
tag=$1
round=0
while [ "$round" -lt 100 ]; do
  round=$((round + 1))
  victims=' '
  for dir in /proc/[0-9]*; do
    if tr '\0' '\n' <"$dir/environ" 2>/dev/null | grep -qxF "$tag"; then
      victims="$victims${dir#/proc/} "
    fi
  done
  again=1
  while [ -n "$again" ]; do
    again=
    for dir in /proc/[0-9]*; do
      pid=${dir#/proc/}
      case "$victims" in *" $pid "*) continue ;; esac
      { stat=$(cat "$dir/stat"); } 2>/dev/null || continue
      set -- ${stat##*) }
      [ "$1" = Z ] && continue
      for relative in "$2" "$3" "$4"; do
        case "$victims" in *" $relative "*) victims="$victims$pid " again=1 && break ;; esac
      done
    done
  done
  left=
  for pid in $victims; do
    { stat=$(cat "/proc/$pid/stat"); } 2>/dev/null || continue
    set -- ${stat##*) }
    [ "$1" = Z ] || left="$left $pid"
  done
  [ -n "$left" ] || exit 0
  kill -9 $left 2>/dev/null
done
exit 1
