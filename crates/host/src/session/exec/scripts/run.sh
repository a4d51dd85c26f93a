# $1 folder to start in, or empty; $2 mark of our own messages; the rest is the program.
cwd=$1 mark=$2
shift 2
if [ -n "$cwd" ] && ! cd "$cwd" 2>/dev/null; then
  why=EACCES
  [ -e "$cwd" ] && [ ! -d "$cwd" ] && why=ENOTDIR
  [ -e "$cwd" ] || why=ENOENT
  printf '%s%s' "$mark" "$why" >&2
  exit 125
fi
exec "$@"
