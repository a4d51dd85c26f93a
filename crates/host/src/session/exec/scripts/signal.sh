# Sends signal $signal once to each that look.sh finds, the named ones first. Exit 3: there is nobody; 4: it is not allowed.
look
[ "$victims" != ' ' ] || exit 3
status=4
for target in $known $victims; do
  case $victims in *" $target "*) ;; *) continue ;; esac
  case $sent in *" $target "*) continue ;; esac
  sent="$sent $target "
  kill -"$signal" "$target" 2>/dev/null && status=0
done
exit $status
