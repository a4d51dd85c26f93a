# As run.sh, but the program goes on by itself and its pid is printed.
cwd=$1 mark=$2
shift 2
if [ -n "$cwd" ] && ! cd "$cwd" 2>/dev/null; then
  why=EACCES
  [ -e "$cwd" ] && [ ! -d "$cwd" ] && why=ENOTDIR
  [ -e "$cwd" ] || why=ENOENT
  printf '%s%s' "$mark" "$why" >&2
  exit 125
fi
# In the background it leads no group, so setsid needs no fork of its own and the pid is the program's.
if command -v setsid >/dev/null 2>&1; then
  setsid "$@" </dev/null >/dev/null 2>&1 &
else
  "$@" </dev/null >/dev/null 2>&1 &
fi
printf '%s' "$!"
