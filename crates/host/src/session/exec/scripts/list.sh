# Names first, each ended by NUL: those that exist, an empty one, broken links, an empty one. Then, in the same order,
# a line for each: raw mode in hex, size, time of change in seconds. A link is what it points to.
ls -d "$1/." >/dev/null || exit
cd "$1" || exit
existing() {
  for name in * .[!.]* ..?*; do
    [ -e "$name" ] && printf './%s\0' "$name"
  done
}
broken() {
  for name in * .[!.]* ..?*; do
    [ -L "$name" ] && [ ! -e "$name" ] && printf './%s\0' "$name"
  done
}
existing
printf '\0'
broken
printf '\0'
existing | xargs -0 -r stat -L -c '%f %s %Y'
broken | xargs -0 -r stat -c '%f %s %Y'
exit 0
