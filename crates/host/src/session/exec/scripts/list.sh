# A line for each entry of folder $1: raw mode in hex, size, time of change, name led by `./`. A link is what it points
# to, a broken one is itself. No name holds a slash, so the lines can be told apart whatever a name holds.
ls -d "$1/." >/dev/null || exit
cd "$1" || exit
[ -r . ] || {
  echo 'Permission denied' >&2
  exit 1
}

# $1: the option of stat, or empty; $2: the test that an entry must pass.
list() {
  follow=$1 wanted=$2
  set --
  for name in * .[!.]* ..?*; do
    "$wanted" "$name" || continue
    set -- "$@" "./$name"
    if [ $# -ge 100 ]; then
      stat $follow -c '%f %s %Y %y %n' "$@"
      set --
    fi
  done
  [ $# -eq 0 ] || stat $follow -c '%f %s %Y %y %n' "$@"
}
exists() { [ -e "$1" ]; }
is_broken() { [ -L "$1" ] && [ ! -e "$1" ]; }
list -L exists
list '' is_broken
exit 0
