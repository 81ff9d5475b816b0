/*
 * stagedir - the operator's command, see stagedir(1)
 *
 * This file knows the command line and the end of the process; what is done is in command_*.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "error.h"
#include "text.h"
#include "url.h"

/* No characters, so that a message can tell a long option from a short one. */
enum {
	OPTION_HELP = 256,
	OPTION_VERSION,
	OPTION_JSON,
	OPTION_DRY_RUN,
	OPTION_YES,
	OPTION_PROMETHEUS
};

#define EXIT_CODES                                                                                 \
	"Exit codes: 0 done; 1 something is wrong that an operator should see; 2 usage;\n"         \
	"3 the configuration file is wrong. See stagedir(1).\n"

static const char main_help[] =
	"usage: stagedir roots [--json]\n"
	"       stagedir status [--json|--prometheus] [DIR...]\n"
	"       stagedir watch [--json] [URL]\n"
	"       stagedir verify [--json] [DIR...]\n"
	"       stagedir gc [--dry-run] [--json] [DIR...]\n"
	"       stagedir flush [--dry-run] [URL] [-- OPTION...]\n"
	"       stagedir adopt [--yes] [--dry-run] [--json] DIRECTORY|URL\n"
	"       stagedir report [-o FILE] [RUN]\n"
	"       stagedir --help | --version\n"
	"\n"
	"  roots   the directories in which duplicity may stage, ranked: which one is used,\n"
	"          and why not the others\n"
	"  status  the staging directories that there are, live and orphaned, and the volumes\n"
	"          that wait in them for hand-off to storage\n"
	"  watch   shows the runs that are under way, until they end\n"
	"  verify  checks the digests of volumes that dead runs left\n"
	"  gc      removes what dead runs left and no later run could hand off; never what\n"
	"          belongs to a live one\n"
	"  flush   hands off the volumes that dead runs left, by running duplicity\n"
	"  adopt   makes what a run of another machine left this machine's\n"
	"  report  a page for a browser that shows how a run went\n"
	"\n"
	"stagedir COMMAND --help tells more.\n"
	"\n" EXIT_CODES;

static const char roots_help[] =
	"usage: stagedir roots [--json]\n"
	"\n"
	"Lists the temp roots - temp_root of stagedir.conf, $TMPDIR, $TEMP, $TMP, /var/tmp, /tmp - in order\n"
	"of rank, with their free space, which one is chosen, and what is wrong with the others.\n"
	"\n"
	"      --json  one JSON object instead of a table\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit code 1: no temp root can be used.\n" EXIT_CODES;

static const char status_help[] =
	"usage: stagedir status [--json|--prometheus] [DIR...]\n"
	"\n"
	"Lists the staging directories in the temp roots, in duplicity's archive directories and\n"
	"in every DIR, such as one that duplicity's --tempdir named; and the volumes that wait in\n"
	"them for hand-off, with their size, age and last failure.\n"
	"\n"
	"      --json        one JSON object instead of a table\n"
	"      --prometheus  metrics instead: how the last runs went, and what waits\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit code 1: some directory could not be looked into.\n" EXIT_CODES;

static const char watch_help[] =
	"usage: stagedir watch [--json] [URL]\n"
	"\n"
	"Shows the runs of this user that are under way, or those to URL alone: what is made, what\n"
	"waits, what moves, what storage has confirmed, and who waits for whom. Ends when they have\n"
	"ended. Without one it shows the last run. On a terminal it draws anew each second, otherwise\n"
	"it prints a line every ten seconds.\n"
	"\n"
	"      --json  one JSON object a line, each second, for each run\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit code 1: the records of runs cannot be read.\n" EXIT_CODES;

static const char verify_help[] =
	"usage: stagedir verify [--json] [DIR...]\n"
	"\n"
	"Reads the volumes that dead runs left for hand-off, in the same directories as status,\n"
	"and compares them with their digests. Those of a live run are only listed, as busy.\n"
	"\n"
	"      --json  one JSON object instead of a table\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit code 1: a volume is damaged or cannot be read, or some directory could not be\n"
	"looked into.\n" EXIT_CODES;

static const char flush_help[] =
	"usage: stagedir flush [--dry-run] [URL] [-- OPTION...]\n"
	"\n"
	"Hands off the volumes that dead runs left, to all targets or to URL alone, by running\n"
	"duplicity collection-status for each target. Credentials are not kept with volumes: give\n"
	"a URL that has them, or what duplicity takes them from. OPTIONs are passed on to it; a\n"
	"directory that --tempdir among them names is looked in as well.\n"
	"\n"
	"  -n, --dry-run  tell what would be handed off, and how duplicity would be called\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit code 1: something still waits, or some directory could not be looked into.\n" EXIT_CODES;

static const char adopt_help[] =
	"usage: stagedir adopt [--yes] [--dry-run] [--json] DIRECTORY|URL\n"
	"\n"
	"Makes the staging directory DIRECTORY, or all in which volumes wait for URL, this\n"
	"machine's: the next backup to that target, or stagedir flush, then hands off what waits\n"
	"in it, and stagedir gc removes the rest. For directories that are left alone otherwise:\n"
	"of another machine (a disk that was moved, a container that is another one each time),\n"
	"and those on a file system (FUSE, NFS) whose locks do not prove that a run is gone.\n"
	"\n"
	"  -y, --yes      its run is gone, though no lock proves it; a lock that is held wins\n"
	"  -n, --dry-run  tell what would be adopted, change nothing\n"
	"      --json     one JSON object instead of a table\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit code 1: there is nothing of that name, or something was refused.\n" EXIT_CODES;

static const char gc_help[] =
	"usage: stagedir gc [--dry-run] [--json] [DIR...]\n"
	"\n"
	"Removes the staging directories that dead runs of this user on this machine left in the\n"
	"temp roots, in duplicity's archive directories and in every DIR. What stagedir did not\n"
	"make is left there and named. A live run's directory is never touched. Volumes that\n"
	"wait for hand-off stay, unless they are damaged or their backup goes on without them.\n"
	"\n"
	"  -n, --dry-run  tell what would be removed, remove nothing\n"
	"      --json     one JSON object instead of a table\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit code 1: something in an orphan was left, or with --dry-run would be, or some\n"
	"directory could not be looked into.\n" EXIT_CODES;

static const char report_help[] =
	"usage: stagedir report [-o FILE] [RUN]\n"
	"\n"
	"Makes one HTML page of a run: what was made, waited and moved when, what was waited for,\n"
	"which attempts failed and why, and how the runs before it went. RUN is the name of a\n"
	"record, such as 20261130T020013.250Z-4242, or the URL of a target, of which it is the\n"
	"newest run. Without RUN it is the newest of all.\n"
	"\n"
	"  -o, --output FILE  write the page to FILE, which only this user can read, instead of to\n"
	"                     standard output; - is standard output, also on a terminal\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit code 1: there is no such record, it cannot be read, or FILE cannot be written.\n" EXIT_CODES;

static const struct option main_options[] = {
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static const struct option list_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static const struct option status_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static const struct option flush_options[] = {
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static const struct option gc_options[] = {
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static const struct option adopt_options[] = {
	{"yes", no_argument, NULL, OPTION_YES},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static const struct option report_options[] = {
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

/* What may follow the options. */
enum operands { NO_OPERANDS, ONE_URL, RUN, DIRECTORIES, URL_AND_HOST_OPTIONS, DIRECTORY_OR_URL };

static const struct subcommand {
	const char *name;
	const char *short_options;
	const struct option *options;
	enum operands operands;
	enum command_exit (*run)(const struct command_options *options);
	const char *help;
} subcommands[] = {
	{"roots", "h", list_options, NO_OPERANDS, command_roots, roots_help},
	{"status", "h", status_options, DIRECTORIES, command_status, status_help},
	{"watch", "h", list_options, ONE_URL, command_watch, watch_help},
	{"verify", "h", list_options, DIRECTORIES, command_verify, verify_help},
	{"gc", "hn", gc_options, DIRECTORIES, command_gc, gc_help},
	{"flush", "hn", flush_options, URL_AND_HOST_OPTIONS, command_flush, flush_help},
	{"adopt", "hny", adopt_options, DIRECTORY_OR_URL, command_adopt, adopt_help},
	{"report", ":ho:", report_options, RUN, command_report, report_help},
};
#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

/* One line, printable, and without the secrets of URLs: an argument in it may be one. */
static void __attribute__((format(printf, 3, 0)))
print_line(FILE *out, const char *before, const char *format, va_list arguments)
{
	char text[STAGE_ERROR_MESSAGE_MAX], line[STAGE_ERROR_MESSAGE_MAX];
	char *shown = NULL;

	stage_text_format(text, sizeof(text), format, arguments);
	if (stage_url_display_all(text, &shown, NULL) < 0)
		snprintf(text, sizeof(text), "out of memory");
	/* one write, so that lines of several processes do not mix */
	fprintf(out, "%s%s\n", before,
		stage_error_printable(line, sizeof(line), shown ? shown : text));
	free(shown);
}

void
command_problem(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stderr, "stagedir: ", format, arguments);
	va_end(arguments);
}

void
command_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stdout, "", format, arguments);
	va_end(arguments);
}

void *
command_memory(void *pointer)
{
	if (!pointer) {
		command_problem("out of memory");
		exit(COMMAND_PROBLEM);
	}
	return pointer;
}

char *
command_shown_url(const char *text)
{
	char *shown = NULL;

	(void)stage_url_display(text, &shown, NULL);
	return command_memory(shown);
}

enum command_exit
command_load_settings(struct stage_settings **ret_settings)
{
	struct stage_error error;
	int code;

	code = stage_settings_load(ret_settings, &error);
	if (code == 0 && (*ret_settings)->left_out)
		command_problem("%s", (*ret_settings)->left_out);
	if (code == 0)
		return COMMAND_DONE;
	command_problem("%s", error.message);
	return code == STAGE_E_MEMORY ? COMMAND_PROBLEM : COMMAND_SETTINGS;
}

/* Says that the option that getopt_long() has just refused is none, and which there are. */
static void
refuse_option(char *const *arguments, const char *where, const struct option *options)
{
	char allowed[256] = "", *end = allowed, *const limit = allowed + sizeof(allowed);
	char *given = command_shown_url(arguments[optind - 1]);
	const struct option *option;

	for (option = options; option->name; option++)
		end += snprintf(end, (size_t)(limit - end), "%s--%s",
			option == options ? ""
			: option[1].name  ? ", "
					  : " and ",
			option->name);
	if (optopt >= OPTION_HELP)
		command_problem("option %s takes no value", given);
	else if (optopt)
		command_problem("unknown option -%c; allowed %s are %s", optopt, where, allowed);
	else
		command_problem("unknown option %s; allowed %s are %s", given, where, allowed);
	free(given);
}

/* Takes what is left behind the options. False where there is too much, which is then said. */
static bool
take_operands(
	const struct subcommand *subcommand, char *const *operands, struct command_options *options)
{
	char *given;

	switch (subcommand->operands) {
	case NO_OPERANDS:
		if (!operands[0])
			return true;
		given = command_shown_url(operands[0]);
		command_problem(
			"%s takes no argument, but was given \"%s\"", subcommand->name, given);
		free(given);
		return false;
	case RUN:
		options->run = operands[0];
		if (operands[0] && operands[1])
			command_problem("%s takes one run, the name of a record or a URL",
				subcommand->name);
		return !operands[0] || !operands[1];
	case DIRECTORIES:
		options->directories = operands;
		return true;
	case DIRECTORY_OR_URL:
		options->url = operands[0];
		if (!operands[0] || operands[1])
			command_problem("%s takes one staging directory or URL", subcommand->name);
		return operands[0] && !operands[1];
	case ONE_URL:
	case URL_AND_HOST_OPTIONS:
		break;
	}
	options->url = operands[0];
	if (!operands[0] || !operands[1])
		return true;
	given = command_shown_url(operands[1]);
	command_problem("%s takes one URL, but was given \"%s\" too%s", subcommand->name, given,
		subcommand->operands == ONE_URL ? "" : "; options for duplicity stand behind --");
	free(given);
	return false;
}

/* Takes the options of a subcommand. False: *ret_status says how the process ends. */
static bool
parse(const struct subcommand *subcommand, int count, char **arguments,
	struct command_options *options, enum command_exit *ret_status)
{
	char where[32];
	int option;

	optind = 0; /* begin anew, getopt(3) */
	while ((option = getopt_long(count, arguments, subcommand->short_options,
			subcommand->options, NULL)) != -1) {
		switch (option) {
		case OPTION_JSON:
			options->json = true;
			break;
		case OPTION_PROMETHEUS:
			options->prometheus = true;
			break;
		case 'n':
		case OPTION_DRY_RUN:
			options->dry_run = true;
			break;
		case 'y':
		case OPTION_YES:
			options->yes = true;
			break;
		case 'o':
			options->output = optarg;
			break;
		case ':':
			command_problem("option %s needs a value", arguments[optind - 1]);
			*ret_status = COMMAND_USAGE;
			return false;
		case 'h':
		case OPTION_HELP:
			fputs(subcommand->help, stdout);
			*ret_status = COMMAND_DONE;
			return false;
		default:
			snprintf(where, sizeof(where), "after %s", subcommand->name);
			refuse_option(arguments, where, subcommand->options);
			*ret_status = COMMAND_USAGE;
			return false;
		}
	}
	if (take_operands(subcommand, arguments + optind, options))
		return true;
	*ret_status = COMMAND_USAGE;
	return false;
}

/* Cuts off what stands behind --, which is for the host; getopt(3) would not tell where it was. */
static int
cut_host_options(int count, char **arguments, struct command_options *options)
{
	int i;

	for (i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
		;
	options->host_options = arguments + count;
	if (i < count) {
		options->host_options = arguments + i + 1;
		arguments[i] = NULL;
	}
	return i;
}

static enum command_exit
refuse_subcommand(const char *name)
{
	char known[128] = "", *given = command_shown_url(name);
	size_t i;

	for (i = 0; i < SUBCOMMAND_COUNT; i++)
		stage_text_append(known, sizeof(known), "%s%s",
			i == 0                     ? ""
			: i + 1 < SUBCOMMAND_COUNT ? ", "
						   : " and ",
			subcommands[i].name);
	command_problem("unknown command \"%s\"; there are %s", given, known);
	free(given);
	return COMMAND_USAGE;
}

static enum command_exit
run_subcommand(int count, char **arguments)
{
	struct command_options options = {0};
	enum command_exit status;
	size_t i;

	for (i = 0; i < SUBCOMMAND_COUNT; i++) {
		if (strcmp(arguments[0], subcommands[i].name) != 0)
			continue;
		if (subcommands[i].operands == URL_AND_HOST_OPTIONS)
			count = cut_host_options(count, arguments, &options);
		if (parse(&subcommands[i], count, arguments, &options, &status))
			status = subcommands[i].run(&options);
		return status;
	}
	return refuse_subcommand(arguments[0]);
}

static enum command_exit
run(int count, char **arguments)
{
	int option;

	opterr = 0; /* the messages are ours */
	/* + stops at the subcommand, whose options are its own */
	option = getopt_long(count, arguments, "+hV", main_options, NULL);
	switch (option) {
	case -1:
		break;
	case 'h':
	case OPTION_HELP:
		fputs(main_help, stdout);
		return COMMAND_DONE;
	case 'V':
	case OPTION_VERSION:
		puts("stagedir " VERSION);
		return COMMAND_DONE;
	default:
		refuse_option(arguments, "before a command", main_options);
		return COMMAND_USAGE;
	}
	if (optind >= count) {
		fputs(main_help, stderr);
		return COMMAND_USAGE;
	}
	return run_subcommand(count - optind, arguments + optind);
}

/*
 * A process may be started with standard descriptors closed. What is opened next would take their
 * numbers, and output would go there. One that cannot be written makes lost output an error.
 */
static void
occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Output that did not arrive is a failure, whatever else went well. */
static enum command_exit
end_output(enum command_exit status)
{
	bool failed;

	errno = 0;
	failed = ferror(stdout);
	if (fclose(stdout) != 0)
		failed = true;
	if (!failed)
		return status;
	command_problem("cannot write to standard output%s%s", errno ? ": " : "",
		errno ? stage_error_errno_text(errno) : "");
	return status == COMMAND_DONE ? COMMAND_PROBLEM : status;
}

int
main(int argc, char **argv)
{
	occupy_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is then an error like any other */
	return (int)end_output(run(argc, argv));
}
