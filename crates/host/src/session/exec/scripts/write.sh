# $1 the file, $2 its folder. The content is on stdin.
if [ ! -d "$2" ]; then
  if [ -e "$2" ]; then
    echo 'Not a directory' >&2
    exit 1
  fi
  mkdir -p "$2" || exit
fi
exec cat >"$1"
