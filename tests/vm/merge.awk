# SPDX-License-Identifier: GPL-2.0-only
# Makes one TAP report of those of many tests, as the machine's init wrote them one after the other. A test that
# never ended, died, or did not do all that it planned has failed, whatever it said. The exit status tells if any did.
# -v tests: their names, in order.

function report(ok, text) {
	print (ok ? "ok " : "not ok ") ++count " - " text
	failed += !ok
}

function end(status) {
	if (done < plan || (status != 0 && !bad) || (status == 0 && !started))
		report(0, name ": exit status " status ", " done + 0 " of " plan + 0 " done")
	ended[name] = 1
	name = ""
}

/^# begin / { name = $3; plan = done = bad = started = 0; next }
/^# end / { end($4); next }
/^\t?1\.\.[0-9]+/ { sub(/^\t?1\.\./, ""); plan += $1; started = 1; if (!$1) { sub(/^[0-9]+ */, ""); report(1, name " " $0) } next }
/^(not )?ok / {
	done++
	skipped = /# *[Ss][Kk][Ii][Pp]/
	ok = /^ok / || skipped
	bad += !ok
	sub(/^(not )?ok [0-9]* *-? */, "")
	report(ok, name ": " $0)
	next
}
{ print "#" (/^#/ ? substr($0, 2) : " " $0) }

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
