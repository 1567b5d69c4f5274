d='eth0 UP 10.0.0.1/24 5
lo UNKNOWN 127.0.0.1/8 12
eth1 DOWN 10.0.1.7/16 7'
echo "$d" | awk '{print $1}'
echo "$d" | awk '/UP/ {print $3}'
echo "$d" | awk '$2 == "DOWN" {print $1, $NF}'
echo "$d" | awk '{s += $4} END {print s, NR, s/NR}'
echo "$d" | awk -F. '{print $2; exit}'
echo "$d" | awk -F'[/ ]' '{print $3}'
echo "$d" | awk 'NR==2' 
echo "$d" | awk 'NR>1 && $4>10 {print NR": "$1}'
echo "$d" | awk '{n[$2]++} END {for (k in n) print k, n[k]}' | sort
echo "$d" | awk 'BEGIN {OFS="-"} {$1=$1; print}'
echo "$d" | awk '{printf "%-8s|%5d|%s\n", $1, $4, substr($3,1,4)}'
echo "$d" | awk '{if ($4 > 6) {print "big", $1} else print "small", $1}'
echo "$d" | awk -v min=6 '$4 > min'
echo "$d" | awk '{split($3, a, "/"); print a[1] " len " length($1)}'
echo "$d" | awk '{gsub(/[0-9]+/, "N"); print}' 
echo "$d" | awk '!/lo/{c++} END{print c+0}'
echo "$d" | awk '{for (i=1;i<=NF;i++) if ($i ~ /^1/) print i, $i}'
awk 'BEGIN {x=3; while (x-->0) print x; print 1/3, 2^10, "a" "b", 1==1.0, 5%3}' 
echo "k=v;k2=v2" | awk -F';' '{print $2}'
echo "$d" | sed 's/eth/if/'; echo "$d" | sed -n '2p'; echo "$d" | sed '1d;s/\([a-z]*\)\([0-9]\)/\2\1/'; echo "$d" | sed -n '/lo/,$p'; echo "$d" | sed -E 's/([0-9]+)\.([0-9]+)/<\2&>/g'; echo "$d" | sed '$d'; echo "$d" | sed 2q; echo "$d" | sed -n 's/.*inet//p'; echo a/b | sed 's#/#:#'; echo "$d" | sed '/DOWN/!d'
echo Hello | tr a-z A-Z; echo "a  b" | tr -s ' '; echo a1b2 | tr -d 0-9; echo "a,b" | tr , '\n'; echo abc | tr '[:lower:]' '[:upper:]'
seq 3; seq 2 4; seq 5 -2 1; seq 0
printf '%s is %d\n' a 1 b 2; printf '%05.1f|%-4s|%x\n' 3.14159 ab 255; printf 'no newline'; echo; printf '%%\n'
echo a b c | xargs -n 1 echo x; echo "a
b" | xargs -I{} echo "[{}]"; echo 1 2 | xargs
