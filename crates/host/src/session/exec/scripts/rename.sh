# $1 becomes $2: as rename(2), and by copying where that cannot.
if [ -d "$2" ] && [ ! -L "$2" ]; then
  if [ ! -d "$1" ] || [ -L "$1" ]; then
    ls -d "$1" >/dev/null || exit
    echo 'Is a directory' >&2
    exit 1
  fi
  [ "$1" -ef "$2" ] && exit 0
  rmdir "$2" || exit
elif [ -e "$2" ] && [ -d "$1" ] && [ ! -L "$1" ]; then
  echo 'Not a directory' >&2
  exit 1
fi
exec mv -f "$1" "$2"
