# The goals of several logs of bench/run.sh as a table for bench/README.md, with
# the verdict of the median:
#   awk -f bench/summary.awk bench/log/DATE-run*.txt
FNR == 1 { ++runs }
/^goal \(ratio/ { in_goals = 1; next }
/^$/ { in_goals = 0 }
in_goals {
  name = substr($0, 1, 34); sub(/ +$/, "", name)
  n = split(substr($0, 35), f, " ")
  if (!(name in goal)) { goal[name] = f[1]; order[++names] = name }
  ratio[name, runs] = f[2]
}
function median(name,    i, j, v, k) {
  for (i = 1; i <= runs; ++i) v[i] = ratio[name, i] + 0
  for (i = 2; i <= runs; ++i)
    for (j = i; j > 1 && v[j] < v[j - 1]; --j) { k = v[j]; v[j] = v[j - 1]; v[j - 1] = k }
  return v[int((runs + 1) / 2)]
}
END {
  if (svg) { chart(); exit }
  printf "| ratio, at least | goal |"
  for (r = 1; r <= runs; ++r) printf " run %d |", r
  print " median is |"
  printf "|---|---|"
  for (r = 1; r <= runs; ++r) printf "---|"
  print "---|"
  for (i = 1; i <= names; ++i) {
    name = order[i]
    printf "| %s | %g |", name, goal[name]
    for (r = 1; r <= runs; ++r) printf " %.2f |", ratio[name, r]
    m = median(name)
    verdict = m >= goal[name] ? "met" : (m >= goal[name] * 0.9 ? "met but for noise" : "missed")
    printf " %s |\n", verdict
  }
}
# With -v svg=1: how much of each goal is reached.
function chart(    i, y, part, width) {
  width = 760
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", width, names * 20 + 40
  print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
  print "<text x=\"10\" y=\"18\">median ratio reached, as a part of its goal (line: the goal; bars end at twice the goal)</text>"
  for (i = 1; i <= names; ++i) {
    y = 26 + (i - 1) * 20
    part = median(order[i]) / goal[order[i]]
    printf "<text x=\"10\" y=\"%d\">%s</text>\n", y + 13, order[i]
    printf "<rect x=\"260\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", y + 2, 200 * (part > 2 ? 2 : part), (part >= 0.9 ? "#2a7f62" : "#c77d2e")
    printf "<text x=\"668\" y=\"%d\">%.2f of %g</text>\n", y + 13, median(order[i]), goal[order[i]]
  }
  printf "<line x1=\"460\" y1=\"24\" x2=\"460\" y2=\"%d\" stroke=\"#333\"/>\n</svg>\n", names * 20 + 28
}
