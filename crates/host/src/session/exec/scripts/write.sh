# $1 the file, $2 its folder. The content is on stdin.
write() {
  if [ ! -d "$2" ]; then
    if [ -e "$2" ]; then
      echo 'Not a directory' >&2
      return 1
    fi
    mkdir -p "$2" || return
  fi
  cat >"$1"
}
write "$1" "$2"
code=$?
# Input that nobody reads breaks the connection under Podman, and what was said before is lost with it.
[ "$code" -eq 0 ] || cat >/dev/null
exit "$code"
