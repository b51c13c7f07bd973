# After csv.awk, on goals.txt: the goals whose two benchmarks ran, and the limit of
# those that have one.
FILENAME ~ /goals.txt$/ && !/^#/ && (NF == 4 || NF == 6) {
  for (i = 2; i <= NF; ++i) gsub(/ /, "", $i)
  if (!($2 in ns) || !($3 in ns)) next
  if (!headed++)
    printf "%-34s %8s %8s %8s\n", "goal (ratio, at least)", "goal", "ratio", "limit"
  aim = $4 + 0  # a field that was changed is a string
  ratio = ns[$2] / ns[$3]
  limit = NF == 6 && ($5 in ns) && ($6 in ns) ? sprintf("%.2f", ns[$5] / ns[$6]) : "-"
  verdict = ratio >= aim ? "met" : ratio >= aim * 0.9 ? "noise" : \
            limit != "-" && ratio >= limit * 0.9 ? "limit" : "missed"
  printf "%-34s %8.2f %8.2f %8s  %s\n", $1, aim, ratio, limit, verdict
}
