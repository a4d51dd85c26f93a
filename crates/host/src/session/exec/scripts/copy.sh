# $1 to $2, links as links: a folder's content into a folder, anything else in the place of what is there.
case $2 in
*/*) folder=${2%/*} ;;
*) folder=. ;;
esac
ls -d "$1" >/dev/null || exit
[ -d "${folder:-/}" ] || mkdir -p "$folder" || exit
if [ -d "$1" ] && [ ! -L "$1" ]; then
  case "$(cd "$2/.." 2>/dev/null && pwd -P)/" in
  "$(cd "$1" && pwd -P)"/*)
    echo 'Invalid argument' >&2
    exit 1
    ;;
  esac
  if [ -e "$2" ] && [ ! -d "$2" ]; then
    echo 'Not a directory' >&2
    exit 1
  fi
  mkdir -p "$2" || exit
  exec cp -RPpf "$1/." "$2/"
fi
if [ -d "$2" ] && [ ! -L "$2" ]; then
  echo 'Is a directory' >&2
  exit 1
fi
if [ ! -f "$1" ] && [ ! -L "$1" ] || [ "$1" -ef "$2" ]; then
  echo 'Invalid argument' >&2
  exit 1
fi
[ -L "$1" ] && rm -f "$2"
exec cp -Ppf "$1" "$2"
