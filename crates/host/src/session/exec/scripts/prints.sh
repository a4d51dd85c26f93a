# Says "open" when a process that carries the tag $1 in its environment still has a pipe for its output.
for dir in /proc/[0-9]*; do
  tr '\0' '\n' <"$dir/environ" 2>/dev/null | grep -qxF "$1" || continue
  for fd in 1 2; do
    case $(readlink "$dir/fd/$fd" 2>/dev/null) in pipe:*) echo open && exit ;; esac
  done
done
