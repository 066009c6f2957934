# The smallest server there is: 200 of them fit in memory. It answers initialize, a list of one tool, and its call.
while IFS= read -r line; do
  case $line in *'"id":'*) ;; *) continue ;; esac
  id=${line##*'"id":'}
  id=${id%%[,\}]*}
  case $line in
    *'"initialize"'*)
      version=${line#*'"protocolVersion":"'}
      version=${version%%'"'*}
      result='{"protocolVersion":"'$version'","capabilities":{"tools":{}},"serverInfo":{"name":"tiny","version":"1"}}' ;;
    *'"tools/list"'*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"value":{"type":"number"}}}}]}' ;;
    *'"tools/call"'*) result='{"content":[{"type":"text","text":"tiny"}]}' ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
