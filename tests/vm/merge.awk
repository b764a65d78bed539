# SPDX-License-Identifier: GPL-2.0-only
# Makes one TAP report of those of many tests, as the machine's init wrote them one after the other. A test that
# never ended, died, or did not do all that it planned has failed, whatever it said. The exit status tells if any did.
# -v tests: their names, in order.

function report(ok, text) {
	print (ok ? "ok " : "not ok ") ++count " - " text
	failed += !ok
}

function end(status) {
	if (!has_plan || done < plan || (status != 0 && !bad))
		report(0, name ": exit status " status ", " done " of " plan " done")
	ended[name] = 1
	name = ""
}

/^# begin / {
	name = $3
	has_plan = plan = done = bad = 0
	next
}
/^# end / {
	end($4)
	print "# " $3 ": " $5 " s"
	next
}
/^1\.\.[0-9]+/ {
	has_plan = 1
	plan += substr($1, 4)
	if (substr($1, 4) == 0) # "1..0 # SKIP why"
		report(1, name " " substr($0, 6))
	next
}
/^(not )?ok [0-9]/ {
	done++
	ok = /^ok / || /# *[Ss][Kk][Ii][Pp]/
	bad += !ok
	sub(/^(not )?ok [0-9]+ *-? */, "")
	report(ok, name ": " $0)
	next
}
{
	print "#" (/^#/ ? substr($0, 2) : " " $0)
}

END {
	if (name)
		end("unknown, the machine stopped")
	split(tests, all, " ")
	for (i = 1; i in all; i++)
		if (!(all[i] in ended))
			report(0, all[i] ": did not run")
	print "1.." count + 0
	exit failed > 0
}
