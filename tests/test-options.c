/*
 * test-options.c: command lines, configuration files and URLs, each a row of a table.
 *
 * A row says what must come out as describe() writes it, or begins with "!" and says what the error
 * must contain.
 */
#include <fuse_lowlevel.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/options.h"

static char *test_directory; /* holds config/imapfs/config, mnt/, file, link -> mnt */

/* What differs from the defaults, as words. */
static char *
describe(const Options *options)
{
	GString *text = g_string_new(NULL);

	g_string_append(text, options->foreground ? " -f" : "");
	g_string_append(text, options->debug ? " -d" : "");
	g_string_append(text, options->verbose ? " -v" : "");
	g_string_append(text, options->read_only ? " ro" : "");
	g_string_append(text, options->sync ? " sync" : "");
	g_string_append(text, options->writeback ? " writeback" : "");
	if (options->trash != OPTIONS_TRASH_AUTO)
		g_string_append(text, options->trash == OPTIONS_TRASH_YES ? " trash=yes"
									  : " trash=no");
	g_string_append(text, options->names_uid ? " names=uid" : "");
	g_string_append(text, options->allow_other ? " allow_other" : "");
	if (options->memory != 64 * 1024 * 1024)
		g_string_append_printf(text, " memory=%" G_GUINT64_FORMAT, options->memory);
	if (options->n_connections != 4)
		g_string_append_printf(text, " connections=%u", options->n_connections);
	if (options->compress != OPTIONS_COMPRESS_AUTO)
		g_string_append(text, options->compress == OPTIONS_COMPRESS_ON ? " compress=on"
									       : " compress=off");
	if (options->timeout_seconds != 30)
		g_string_append_printf(text, " timeout=%u", options->timeout_seconds);
	if (options->umask != 027)
		g_string_append_printf(text, " umask=%03o", options->umask);
	if (options->uid != getuid())
		g_string_append_printf(text, " uid=%u", options->uid);
	if (options->gid != getgid())
		g_string_append_printf(text, " gid=%u", options->gid);
	if (options->ca_file != NULL)
		g_string_append_printf(text, " ca_file=%s", options->ca_file);
	if (options->password_command != NULL)
		g_string_append_printf(text, " password_command=%s", options->password_command);
	if (options->password_file != NULL)
		g_string_append_printf(text, " password_file=%s", options->password_file);
	return g_strstrip(g_string_free(text, FALSE));
}

/* Runs @argv, with % in it standing for the test's directory. */
static gboolean
parse(Options *options, const char *const *argv, struct fuse_args *fuse_args, GError **error)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	gboolean parsed;

	g_ptr_array_add(words, g_strdup("imapfs"));
	for (gsize i = 0; argv[i] != NULL; i++) {
		g_auto(GStrv) parts = g_strsplit(argv[i], "@DIR@", -1);

		g_ptr_array_add(words, g_strjoinv(test_directory, parts));
	}
	g_ptr_array_add(words, NULL);
	parsed = options_parse(options, (int)words->len - 1, (char **)words->pdata, fuse_args,
			       error);
	g_assert_true(parsed == (*error == NULL));
	return parsed;
}

static void
check_outcome(const char *label, const char *outcome, const GError *error, const char *expected)
{
	if (*expected == '!') {
		if (error == NULL)
			g_error("%s: '%s' instead of an error", label, outcome);
		g_assert_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE);
		if (strstr(error->message, expected + 1) == NULL)
			g_error("%s: '%s' does not say '%s'", label, error->message, expected + 1);
	} else if (error != NULL) {
		g_error("%s: %s", label, error->message);
	} else if (strcmp(outcome, expected) != 0) {
		g_error("%s: '%s' instead of '%s'", label, outcome, expected);
	}
}

/* --- the URL --- */

typedef struct {
	const char *url;
	const char *tls;      /* -o tls= or NULL */
	const char *expected; /* source | user | host | port | mailbox | tls */
} UrlRow;

static const UrlRow url_rows[] = {
	{"imaps://al@h", NULL, "imaps://al@h|al|h|993||0"},
	{"IMAPS://al@h", NULL, "imaps://al@h|al|h|993||0"},
	{"imap://al@h", NULL, "imap://al@h|al|h|143||1"},
	{"imaps://al@h:993", NULL, "imaps://al@h|al|h|993||0"},
	{"imaps://al@h:1993/", NULL, "imaps://al@h:1993|al|h|1993||0"},
	{"imap://al@h:993", NULL, "imap://al@h:993|al|h|993||1"},
	{"imaps://a%40b.org@h", NULL, "imaps://a%40b.org@h|a@b.org|h|993||0"},
	{"imaps://a@b.org@h", NULL, "imaps://a%40b.org@h|a@b.org|h|993||0"},
	{"imaps://a%2C%5C%20@h", NULL, "imaps://a%2C%5C%20@h|a,\\ |h|993||0"},
	{"imaps://al@[::1]", NULL, "imaps://al@[::1]|al|::1|993||0"},
	{"imaps://al@[::1]:9/x", NULL, "imaps://al@[::1]:9/x|al|::1|9|x|0"},
	{"imaps://al@[fe80::1%25eth0]", NULL, "imaps://al@[fe80::1%25eth0]|al|fe80::1%eth0|993||0"},
	{"imaps://al@192.0.2.1", NULL, "imaps://al@192.0.2.1|al|192.0.2.1|993||0"},
	{"imaps://al@h/INBOX", NULL, "imaps://al@h/INBOX|al|h|993|INBOX|0"},
	{"imaps://al@h/a/b/", NULL, "imaps://al@h/a/b|al|h|993|a/b|0"},
	{"imaps://al@h/a b%20c%25", NULL, "imaps://al@h/a%20b%20c%25|al|h|993|a b c%|0"},
	{"imaps://al@h/Entwürfe", NULL, "imaps://al@h/Entw%C3%BCrfe|al|h|993|Entwürfe|0"},
	{"imaps://al@h/%E2%80%AE", NULL, "imaps://al@h/%E2%80%AE|al|h|993|\u202e|0"},
	{"imaps://al@h", "implicit", "imaps://al@h|al|h|993||0"},
	{"imap://al@h", "starttls", "imap://al@h|al|h|143||1"},
	{"imap://al@localhost", "none", "imap://al@localhost|al|localhost|143||2"},
	{"imap://al@127.9.9.9", "none", "imap://al@127.9.9.9|al|127.9.9.9|143||2"},
	{"imap://al@[::1]", "none", "imap://al@[::1]|al|::1|143||2"},

	{"imap://al@h", "none", "!another machine"},
	{"imap://al@127.example.org", "none", "!another machine"},
	{"imap://al@localhost.example.org", "none", "!another machine"},
	{"imap://al@[::2]", "none", "!another machine"},
	{"imap://al@h", "implicit", "!write imaps://"},
	{"imaps://al@h", "starttls", "!write imap://"},
	{"imaps://al@localhost", "none", "!write imap://"},
	{"imaps://al:secret@h", NULL, "!contains a password"},
	{"imaps://al:@h", NULL, "!contains a password"},
	{"imaps://al;AUTH=PLAIN@h", NULL, "!login method"},
	{"imaps://h/INBOX/;UID=7", NULL, "!%3B"},
	{"imaps://h/?SEARCH", NULL, "!%3F"},
	{"imaps://h/#shared", NULL, "!%23"},
	{"imaps://h/100%", NULL, "!%25"},
	{"imaps://h/%zz", NULL, "!%25"},
	{"imaps://h/%00", NULL, "!cannot be read"},
	{"imaps://h/%ff", NULL, "!cannot be read"},
	{"imaps://h/a\xff", NULL, "!UTF-8"},
	{"imaps://h/a\nb", NULL, "!control"},
	{"imaps://h/a%0ab", NULL, "!control"},
	{"imaps://h/a%C2%85b", NULL, "!control"},
	{"imaps://a%0d%0ab@h", NULL, "!control"},
	{"imaps://h/a//b", NULL, "!empty part"},
	{"imaps://h//", NULL, "!empty part"},
	{"imaps://@h", NULL, "!no user in front"},
	{"imaps://", NULL, "!host"},
	{"imaps:///INBOX", NULL, "!host"},
	{"imaps://al@", NULL, "!host"},
	{"imaps://al@-h", NULL, "!host"},
	{"imaps://al@h%20x", NULL, "!host"},
	{"imaps://al@[::1", NULL, "!cannot be read"},
	{"imaps://al@h:0", NULL, "!port"},
	{"imaps://al@h:65536", NULL, "!cannot be read"},
	{"imaps://al@h:imap", NULL, "!cannot be read"},
	{"https://al@h", NULL, "!must begin with imaps://"},
};

static void
test_url(gconstpointer data)
{
	const UrlRow *row = data;
	g_autofree char *tls = g_strdup_printf("tls=%s", row->tls);
	const char *argv[] = {row->url, "@DIR@/mnt", row->tls != NULL ? "-o" : NULL, tls, NULL};
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *outcome = NULL;
	Options options = {0};

	if (parse(&options, argv, &fuse_args, &error))
		outcome = g_strdup_printf(
			"%s|%s|%s|%u|%s|%d", options.source, options.user, options.host,
			options.port, options.mailbox != NULL ? options.mailbox : "", options.tls);
	check_outcome(row->url, outcome, error, row->expected);
	if (error != NULL)
		g_assert_null(strstr(error->message, "secret"));
	fuse_opt_free_args(&fuse_args);
	options_clear(&options);
}

static void
test_url_without_user(void)
{
	const char *argv[] = {"imaps://h/INBOX", "@DIR@/mnt", NULL};
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
	g_autoptr(GError) error = NULL;
	Options options = {0};

	g_assert_true(parse(&options, argv, &fuse_args, &error));
	g_assert_cmpstr(options.user, ==, g_get_user_name());
	fuse_opt_free_args(&fuse_args);
	options_clear(&options);
}

/* --- -o --- */

typedef struct {
	const char *words;    /* behind -o */
	const char *expected; /* describe() or !error */
	const char *fuse;     /* what libfuse gets more than always, or NULL for nothing */
} WordRow;

static const WordRow word_rows[] = {
	{"rw", "", NULL},
	{"ro", "ro", NULL},
	{"ro,rw", "", NULL},
	{"rw,,ro", "ro", NULL},
	{"names=uid", "names=uid", NULL},
	{"names=subject", "", NULL},
	{"names=date", "!subject|uid", NULL},
	{"names", "!value must follow", NULL},
	{"ro=1", "!takes no value", NULL},
	{"cache=memory", "", NULL},
	{"cache=/var/cache", "", NULL},
	{"cache_size=1G", "", NULL},
	{"cache_size=1M", "!must be a size", NULL},
	{"offline", "", NULL},
	{"memory=4M", "memory=4194304", NULL},
	{"memory=10m", "memory=10485760", NULL},
	{"memory=2G", "memory=2147483648", NULL},
	{"memory=10485760", "memory=10485760", NULL},
	{"memory=1024G", "memory=1099511627776", NULL},
	{"memory=1025G", "!4M to 1024G", NULL},
	{"memory=18446744073709551616", "!4M to 1024G", NULL},
	{"memory=18014398509481984K", "!4M to 1024G", NULL},
	{"memory=1K", "!4M to 1024G", NULL},
	{"memory=M", "!4M to 1024G", NULL},
	{"memory=-1", "!4M to 1024G", NULL},
	{"memory=64MB", "!4M to 1024G", NULL},
	{"memory=", "!empty", NULL},
	{"connections=1", "connections=1", NULL},
	{"connections=10", "connections=10", NULL},
	{"connections=0", "!from 1 to 10", NULL},
	{"connections=11", "!from 1 to 10", NULL},
	{"connections=many", "!from 1 to 10", NULL},
	{"compress=auto", "", NULL},
	{"compress=on", "compress=on", NULL},
	{"compress=off", "compress=off", NULL},
	{"compress=on,compress=auto", "", NULL},
	{"compress=deflate", "!auto|on|off", NULL},
	{"compress", "!value must follow", NULL},
	{"compress=", "!empty", NULL},
	{"timeout=3600", "timeout=3600", NULL},
	{"timeout=3601", "!from 1 to 3600", NULL},
	{"timeout=5s", "!from 1 to 3600", NULL},
	{"timeout= 5", "!from 1 to 3600", NULL},
	{"umask=077", "umask=077", NULL},
	{"umask=8", "!octal", NULL},
	{"umask=1000", "!octal", NULL},
	{"uid=4711,gid=4712", "uid=4711 gid=4712", NULL},
	{"uid=4294967295", "!uid=", NULL},
	{"uid=root", "!uid=root", NULL},
	{"tls=ssl", "!implicit|starttls|none", NULL},
	{"ca_file=/etc/ca.pem", "ca_file=/etc/ca.pem", NULL},
	{"ca_file=~/ca.pem", "ca_file=/home/tester/ca.pem", NULL},
	{"ca_file=/etc/../ca.pem", "ca_file=/ca.pem", NULL},
	{"password_command=pass show a=b", "password_command=pass show a=b", NULL},
	{"password_command=printf '%s\\,%s' a b,ro", "ro password_command=printf '%s,%s' a b",
	 NULL},
	{"password_command=a\\\\b", "password_command=a\\b", NULL},
	{"password_command=a\\054b", "password_command=a,b", NULL},
	{"password_command=", "!empty", NULL},
	{"password_file=/pw", "password_file=/pw", NULL},
	{"password=secret", "!password_command", NULL},
	{"allow_other", "allow_other", ",allow_other"},
	{"sync", "sync", NULL},
	{"dirsync", "sync", NULL},
	{"sync,async", "", NULL},
	{"writeback", "writeback", NULL},
	{"writeback,sync", "sync", NULL},
	{"sync,writeback", "sync", NULL},
	{"sync=1", "!takes no value", NULL},
	{"trash=yes", "trash=yes", NULL},
	{"trash=no", "trash=no", NULL},
	{"trash=no,trash=auto", "", NULL},
	{"trash=maybe", "!auto|yes|no", NULL},
	{"trash", "!value must follow", NULL},
	{"remount,ro", "!unmount it", NULL},
	/* as mount(8) and fstab pass them */
	{"rw,dev,suid", "", NULL},
	{"rw,nosuid,nodev,noexec,user=joe", "", ",noexec"},
	{"auto,noauto,nofail,_netdev,user,users,nouser,owner,group", "", NULL},
	{"defaults,async,relatime,nodiratime,x-systemd.automount,X-mount.mkdir=700", "", NULL},
	{"default_permissions,noatime", "", ",noatime"},
	{"allow_root,auto_unmount", "!auto_unmount", NULL},
	{"auto_unmount", "", ",auto_unmount"},
	{"context=system_u:object_r:fusefs_t:s0", "", ",context=system_u:object_r:fusefs_t:s0"},
	{"context", "!value must follow", NULL},
	/* slips */
	{"tiemout=3", "!did you mean 'timeout'", NULL},
	{"alow_other", "!did you mean 'allow_other'", NULL},
	{"password_comand=x", "!did you mean 'password_command'", NULL},
	{"or", "!unknown option 'or'", NULL},
	{"max_read=4096", "!unknown option 'max_read'", NULL},
	{"--bogus", "!unknown option '--bogus'", NULL},
};

/* Everything that libfuse always gets, then what the row says. */
static void
check_fuse_args(const WordRow *row, const Options *options, const struct fuse_args *fuse_args)
{
	g_autofree char *expected =
		g_strconcat("fsname=imaps://al@h,subtype=imapfs,default_permissions,nosuid,nodev,",
			    options->read_only ? "ro" : "rw", row->fuse, NULL);

	g_assert_cmpint(fuse_args->argc, ==, 3);
	g_assert_cmpstr(fuse_args->argv[0], ==, "imapfs");
	g_assert_cmpstr(fuse_args->argv[1], ==, "-o");
	g_assert_cmpstr(fuse_args->argv[2], ==, expected);
}

static void
test_word(gconstpointer data)
{
	const WordRow *row = data;
	const char *argv[] = {"imaps://al@h", "@DIR@/mnt", "-o", row->words, NULL};
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *outcome = NULL;
	Options options = {0};

	/* what libfuse allows depends on its version */
	if (strcmp(row->words, "allow_root,auto_unmount") == 0 &&
	    fuse_version() >= FUSE_MAKE_VERSION(3, 15)) {
		g_test_skip("libfuse allows it");
		return;
	}
	if (parse(&options, argv, &fuse_args, &error)) {
		outcome = describe(&options);
		check_fuse_args(row, &options, &fuse_args);
	}
	check_outcome(row->words, outcome, error, row->expected);
	if (error != NULL)
		g_assert_null(strstr(error->message, "secret"));
	fuse_opt_free_args(&fuse_args);
	options_clear(&options);
}

/* --- whole command lines --- */

typedef struct {
	const char *label;
	const char *argv[8];
	const char *expected; /* describe() and the mount point, or !error */
} LineRow;

static const LineRow line_rows[] = {
	{"plain", {"imaps://h", "@DIR@/mnt"}, " @DIR@/mnt"},
	{"options first", {"-o", "ro", "imaps://h", "@DIR@/mnt"}, "ro @DIR@/mnt"},
	{"options between", {"imaps://h", "-oro", "@DIR@/mnt"}, "ro @DIR@/mnt"},
	{"two -o",
	 {"imaps://h", "@DIR@/mnt", "-o", "ro", "-o", "names=uid"},
	 "ro names=uid @DIR@/mnt"},
	{"switches", {"-f", "-v", "imaps://h", "@DIR@/mnt"}, "-f -v @DIR@/mnt"},
	{"-d implies -f", {"imaps://h", "@DIR@/mnt", "-d"}, "-f -d @DIR@/mnt"},
	{"-n and -s", {"imaps://h", "@DIR@/mnt", "-n", "-s"}, " @DIR@/mnt"},
	{"after --", {"-f", "--", "imaps://h", "@DIR@/mnt"}, "-f @DIR@/mnt"},
	{"through a link", {"imaps://h", "@DIR@/link"}, " @DIR@/mnt"},
	{"with dots", {"imaps://h", "@DIR@/mnt/../mnt/."}, " @DIR@/mnt"},
	{"relative", {"imaps://h", "mnt"}, " @DIR@/mnt"},
	{"nothing", {NULL}, "!which account"},
	{"no mount point", {"imaps://h"}, "!no mount point"},
	{"too much", {"imaps://h", "@DIR@/mnt", "x"}, "!more than"},
	{"unknown switch", {"-x", "imaps://h", "@DIR@/mnt"}, "!unknown option '-x'"},
	{"lone -o", {"imaps://h", "@DIR@/mnt", "-o"}, "!-o"},
	{"missing", {"imaps://h", "@DIR@/none"}, "!No such file"},
	{"not a directory", {"imaps://h", "@DIR@/file"}, "!Not a directory"},
	{"device", {"imaps://h", "/dev/null"}, "!Not a directory"},
};

static void
test_line(gconstpointer data)
{
	const LineRow *row = data;
	g_auto(GStrv) parts = g_strsplit(row->expected, "@DIR@", -1);
	g_autofree char *expected = g_strjoinv(test_directory, parts);
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *outcome = NULL;
	Options options = {0};

	if (parse(&options, row->argv, &fuse_args, &error)) {
		g_autofree char *words = describe(&options);

		outcome = g_strdup_printf("%s %s", words, options.mountpoint);
	}
	check_outcome(row->label, outcome, error, expected);
	fuse_opt_free_args(&fuse_args);
	options_clear(&options);
}

/* -h and -V win over everything, and nothing else is filled. */
static void
test_help(void)
{
	const char *const lines[][4] = {{"-h"},
					{"--help"},
					{"-o", "bogus", "--help"},
					{"-h", "-x", "y"},
					{"a", "b", "c", "-h"}};
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		const char *argv[] = {lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL};
		g_autoptr(GError) error = NULL;
		Options options = {0};

		g_assert_true(parse(&options, argv, &fuse_args, &error));
		g_assert_true(options.show_help);
		g_assert_null(options.mountpoint);
		g_assert_cmpint(fuse_args.argc, ==, 0);
	}
	g_assert_true(g_str_has_prefix(options_help(), "usage: imapfs "));
}

/* --- the configuration file --- */

typedef struct {
	const char *label;
	const char *content; /* NULL: no file */
	guint mode;
	const char *words; /* behind -o */
	const char *expected;
} ConfigRow;

static const ConfigRow config_rows[] = {
	{"url only", "[work]\nurl=imaps://al@h\n", 0600, "rw", ""},
	{"readable by others", "[work]\nurl=imaps://al@h\n", 0644, "rw", ""},
	{"options", "[work]\nurl=imaps://al@h\nro=true\nnames=uid\ntimeout=9\n", 0600, "memory=8M",
	 "ro names=uid memory=8388608 timeout=9"},
	{"compression", "[work]\nurl=imaps://al@h\ncompress=off\n", 0600, "rw", "compress=off"},
	{"compression, command line wins", "[work]\nurl=imaps://al@h\ncompress=off\n", 0600,
	 "compress=on", "compress=on"},
	{"command line wins", "[work]\nurl=imaps://al@h\nro=true\ntimeout=9\n", 0600,
	 "rw,timeout=8", "timeout=8"},
	{"false", "[work]\nurl=imaps://al@h\nro=false\nallow_other=false\nnoexec=false\n", 0600,
	 "ro", "ro"},
	{"rw", "[work]\nurl=imaps://al@h\nrw=false\n", 0600, "noexec", "ro"},
	{"writing", "[work]\nurl=imaps://al@h\nwriteback=true\ntrash=no\n", 0600, "rw",
	 "writeback trash=no"},
	{"sync over writeback", "[work]\nurl=imaps://al@h\nwriteback=true\n", 0600, "sync", "sync"},
	{"CRLF", "[work]\r\nurl=imaps://al@h\r\npassword_file=/y\r\n", 0600, "rw",
	 "password_file=/y"},
	{"other groups", "[home]\nbogus=1\n[work]\nurl=imaps://al@h\n", 0600, "rw", ""},
	{"comma", "[work]\nurl=imaps://al@h\npassword_command=a,b \\\\ c\n", 0600, "rw",
	 "password_command=a,b \\ c"},
	{"password of the command line",
	 "[work]\nurl=imaps://al@h\npassword_command=x\npassword_file=/y\n", 0600,
	 "password_file=/z", "password_file=/z"},
	{"no file", NULL, 0, "rw", "!'work' is not a URL"},
	{"no group", "[home]\nurl=imaps://al@h\n", 0600, "rw", "!no group [work] (there is: [home])"},
	{"empty file", "", 0600, "rw", "!no group [work] (there is: none)"},
	{"no url", "[work]\nro=true\n", 0600, "rw", "![work] has no url="},
	{"bad url", "[work]\nurl=imaps://al@h:0\n", 0600, "rw", "!config: [work] url: the URL"},
	{"tls against url", "[work]\nurl=imaps://al@h\ntls=none\n", 0600, "rw", "!write imap://"},
	{"unknown key", "[work]\nurl=imaps://al@h\ntiemout=9\n", 0600, "rw",
	 "!config: [work] unknown option 'tiemout'; did you mean 'timeout'"},
	{"mount's word", "[work]\nurl=imaps://al@h\nnoauto=true\n", 0600, "rw", "!'noauto'"},
	{"switch", "[work]\nurl=imaps://al@h\n-f=true\n", 0600, "rw", "!"},
	{"bad value", "[work]\nurl=imaps://al@h\ntimeout=never\n", 0600, "rw",
	 "!config: [work] timeout=never"},
	{"bad boolean", "[work]\nurl=imaps://al@h\nro=yes\n", 0600, "rw",
	 "!ro: must be true or false"},
	{"bad escape", "[work]\nurl=imaps://al@h\npassword_command=a\\,b\n", 0600, "rw",
	 "![work] password_command: "},
	{"not a key file", "hello\n", 0600, "rw", "!config: "},
	{"writable by the group", "[work]\nurl=imaps://al@h\n", 0660, "rw", "!chmod go-w"},
	{"writable by others", "[work]\nurl=imaps://al@h\n", 0602, "rw", "!chmod go-w"},
};

static void
test_config(gconstpointer data)
{
	const ConfigRow *row = data;
	const char *argv[] = {"work", "@DIR@/mnt", "-o", row->words, NULL};
	g_autofree char *path = g_build_filename(test_directory, "config/imapfs/config", NULL);
	struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *outcome = NULL;
	Options options = {0};

	g_unlink(path);
	if (row->content != NULL) {
		g_assert_true(g_file_set_contents(path, row->content, -1, NULL));
		g_assert_cmpint(g_chmod(path, (mode_t)row->mode), ==, 0);
	}
	if (parse(&options, argv, &fuse_args, &error)) {
		g_assert_cmpstr(options.source, ==, "imaps://al@h");
		outcome = describe(&options);
	}
	check_outcome(row->label, outcome, error, row->expected);
	fuse_opt_free_args(&fuse_args);
	options_clear(&options);
}

/* --- IMAPFS_PASSWORD_FD --- */

static void
test_password_fd(void)
{
	const struct {
		const char *value;
		int expected; /* -2: refused */
	} rows[] = {{NULL, -1}, {"0", 0}, {"999999", -2}, {"-1", -2}, {"", -2}, {"1x", -2}};
	const char *argv[] = {"imaps://h", "@DIR@/mnt", NULL};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct fuse_args fuse_args = FUSE_ARGS_INIT(0, NULL);
		g_autoptr(GError) error = NULL;
		Options options = {0};

		if (rows[i].value != NULL)
			g_setenv("IMAPFS_PASSWORD_FD", rows[i].value, TRUE);
		if (parse(&options, argv, &fuse_args, &error))
			g_assert_cmpint(options.password_fd, ==, rows[i].expected);
		else
			g_assert_cmpint(rows[i].expected, ==, -2);
		fuse_opt_free_args(&fuse_args);
		options_clear(&options);
	}
	g_unsetenv("IMAPFS_PASSWORD_FD");
}

static void
make_directory(void)
{
	g_autofree char *made = g_dir_make_tmp("imapfs-options-XXXXXX", NULL);
	char resolved[PATH_MAX];

	g_assert_nonnull(made);
	g_assert_nonnull(realpath(made, resolved));
	test_directory = g_strdup(resolved);
	g_assert_cmpint(g_chdir(test_directory), ==, 0);
	g_assert_cmpint(g_mkdir_with_parents("config/imapfs", 0700), ==, 0);
	g_assert_cmpint(g_mkdir("mnt", 0700), ==, 0);
	g_assert_true(g_file_set_contents("file", "", 0, NULL));
	g_assert_cmpint(symlink("mnt", "link"), ==, 0);
}

static void
remove_directory(void)
{
	static const char *const names[] = {
		"config/imapfs/config", "config/imapfs", "config", "mnt", "file", "link"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		g_remove(names[i]);
	g_assert_cmpint(g_rmdir(test_directory), ==, 0);
	g_free(test_directory);
}

/* A test for each row, so that a failure names it. A '/' in a path would make it a tree. */
#define ADD_ROWS(prefix, rows, label, function)                                                    \
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {                                           \
		g_autofree char *name = g_strdup_printf("/options/" prefix "/%02zu ", i);          \
		g_autofree char *safe = g_strdelimit(g_strescape(rows[i].label, NULL), "/", '|');  \
		g_autofree char *path = g_strconcat(name, safe, NULL);                             \
		g_test_add_data_func(path, &rows[i], function);                                    \
	}

int
main(int argc, char **argv)
{
	int status;

	g_unsetenv("IMAPFS_PASSWORD_FD");
	g_setenv("HOME", "/home/tester", TRUE);
	umask(027);
	make_directory();
	g_autofree char *config = g_build_filename(test_directory, "config", NULL);
	g_setenv("XDG_CONFIG_HOME", config, TRUE);
	g_test_init(&argc, &argv, NULL);
	ADD_ROWS("url", url_rows, url, test_url);
	ADD_ROWS("word", word_rows, words, test_word);
	ADD_ROWS("line", line_rows, label, test_line);
	ADD_ROWS("config", config_rows, label, test_config);
	g_test_add_func("/options/url without user", test_url_without_user);
	g_test_add_func("/options/help", test_help);
	g_test_add_func("/options/password descriptor", test_password_fd);
	status = g_test_run();
	remove_directory();
	return status;
}
