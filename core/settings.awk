# settings.awk - makes the example and the man page of the settings from their list
#
#	awk -v form=example -f settings.awk settings.def stagedir.conf.in
#	awk -v form=page -f settings.awk settings.def stagedir.conf.5.in
#
# The template is copied. A line @NAME@ in it becomes the entries of the list from the last one shown to NAME: what follows in
# the template says more about NAME. A line @others@ becomes the entries that are left. So a setting that the template does not
# know is shown in its place. POSIX awk.

BEGIN {
	count = shown = 0
	arguments["DIRECTORIES"] = arguments["TARGETS"] = arguments["SIZE"] = arguments["BOOLEAN"] = 2
	arguments["FILE"] = arguments["COMMAND"] = 2
	arguments["NUMBER"] = 4
	arguments["OPTIONAL_NUMBER"] = 5
	type["DIRECTORIES"] = "list of directories"
	type["TARGETS"] = "list of patterns"
	type["SIZE"] = "size in bytes, or with K, M, G or T"
	type["BOOLEAN"] = "yes or no"
	type["NUMBER"] = type["OPTIONAL_NUMBER"] = "whole number"
	type["FILE"] = "path"
	type["COMMAND"] = "command for a shell"
	if (form != "example" && form != "page")
		die("the form is \"" form "\"; allowed are example and page")
}

function die(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why | "cat 1>&2"
	failed = 1
	exit 1
}

# What stands between quotes, without escapes and blanks at its end.
function unquote(literal) {
	if (literal !~ /^"[^"\\]+"$/)
		die("not a string, or one with quotes or backslashes in it: " literal)
	literal = substr(literal, 2, length(literal) - 2)
	sub(/ +$/, "", literal)
	return literal
}

# Text for roff: a - that can be copied, options that are not divided, and no . or ' that is a request.
function roff(text) {
	gsub(/-/, "\\-", text)
	gsub(/\\-\\-/, "\\%&", text)
	gsub(/\. /, ".\n", text)
	if (text ~ /^[.']/)
		text = "\\&" text
	return text
}

function begin_entry(line,    kind, part) {
	kind = substr(line, length("STAGE_SETTING_") + 1)
	sub(/\(.*/, "", kind)
	sub(/^[A-Z_]*\(/, "", line)
	sub(/,$/, "", line)
	if (split(line, part, /, /) != arguments[kind])
		die("STAGE_SETTING_" kind " has other arguments, or is not known; see the table in settings.def")
	name[++count] = part[1]
	number[part[1]] = count
	about[count] = type[kind]
	if (kind ~ /NUMBER$/)
		about[count] = about[count] ", " part[2] " to " part[3]
	example[count] = unquote(part[arguments[kind]])
	otherwise = example[count]
	if (kind == "DIRECTORIES" || kind == "FILE" || kind == "COMMAND")
		otherwise = "none"
	else if (kind == "OPTIONAL_NUMBER")
		otherwise = unquote(part[4])
	about[count] = about[count] "; default: " otherwise
	open = 1
}

function show(i,    line, lines, n) {
	n = split(text[i], line, "\n")
	if (form == "page")
		printf ".TP\n.BR %s \" (%s)\"\n", name[i], roff(about[i])
	else
		print ""
	for (lines = 1; lines <= n; lines++)
		print (form == "page" ? roff(line[lines]) : "# " line[lines])
	if (form == "example")
		printf "# %s%s.\n#%s = %s\n", toupper(substr(about[i], 1, 1)), substr(about[i], 2), name[i], example[i]
}

# The list.
NR == FNR && /^\/\*/ { comment = 1 }
NR == FNR && comment {
	if (/\*\/$/)
		comment = 0
	next
}
NR == FNR && !open && (/^$/ || /^#undef /) { next }
NR == FNR && !open && /^STAGE_SETTING_[A-Z_]+\([a-z_]+, .*,$/ {
	begin_entry($0)
	next
}
NR == FNR && open && /^\t".*"\)?$/ {
	line = substr($0, 2)
	if (line ~ /\)$/) {
		open = 0
		line = substr(line, 1, length(line) - 1)
	}
	text[count] = text[count] (text[count] == "" ? "" : "\n") unquote(line)
	next
}
NR == FNR { die("not understood; the form of an entry is shown at the top of settings.def") }

# The template.
/^@[a-z_]+@$/ {
	wanted = substr($0, 2, length($0) - 2)
	last = wanted == "others" ? count : number[wanted]
	if (last < shown || (last == shown && wanted != "others"))
		die("@" wanted "@ is no setting of the list that comes behind the one above")
	while (shown < last)
		show(++shown)
	next
}
{ print }

END {
	if (!failed && (open || shown < count))
		die("settings are left that were not shown: a template ends its list with @others@")
	if (failed)
		exit 1
}
