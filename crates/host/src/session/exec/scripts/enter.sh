# How run.sh and start.sh begin. $1: folder to start in, or empty; $2: mark that leads our own words on stderr, so that
# the program's cannot be taken for them; the rest is the program.
mark=$2
refuse() {
  printf '%s%s' "$mark" "$1" >&2
  exit 125
}
if [ -n "$1" ] && ! cd "$1" 2>/dev/null; then
  [ -e "$1" ] || refuse 'chdir ENOENT'
  [ -d "$1" ] || refuse 'chdir ENOTDIR'
  refuse 'chdir EACCES'
fi
shift 2
command -v "$1" >/dev/null 2>&1 || refuse 'execve ENOENT'
case $1 in
*/*) [ -x "$1" ] || refuse 'execve EACCES' ;;
esac
