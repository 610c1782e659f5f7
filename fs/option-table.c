/*
 * option-table.c: the words that -o and the configuration file understand, and what each does.
 *
 * A row of the table names a word and its kind; the kind decides whether a value follows, how the
 * value is read and where it goes. A new option is a new row, and a line in options_help() and in
 * the man page.
 */
#include "option-table.h"

#include <string.h>

typedef enum {
	OPTION_ON,     /* stands alone, sets a gboolean */
	OPTION_OFF,    /* stands alone, clears a gboolean */
	OPTION_TEXT,   /* =TEXT, any but empty */
	OPTION_FILE,   /* =FILE, made absolute, because the daemon changes its directory */
	OPTION_CHOICE, /* =WORD, one of those in @hint; the member gets its position there */
	OPTION_NUMBER, /* =N, decimal, @low to @high, for a 32 bit member */
	OPTION_OCTAL,  /* =N, octal */
	OPTION_SIZE,   /* =N[K|M|G] in bytes, for a 64 bit member */
	OPTION_CACHE,  /* =DIR|memory: a directory is made absolute */
	OPTION_FUSE,   /* libfuse's: passed on, with its value if it has one */
	OPTION_MOUNT,  /* mount(8)'s and fstab's own: ignored, value and all */
	OPTION_REFUSED /* known, and @hint says why not */
} OptionKind;

typedef struct {
	const char *name;
	OptionKind kind;
	gsize offset; /* of the member in Options */
	guint64 low, high;
	const char *hint;
} OptionRow;

#define MEMBER(name) G_STRUCT_OFFSET(Options, name)
#define KIB          G_GUINT64_CONSTANT(1024)
#define ID_MAX       (G_MAXUINT32 - 1) /* (uid_t) -1 means none */

static const OptionRow option_rows[] = {
	{"-h", OPTION_ON, MEMBER(show_help), 0, 0, NULL},
	{"--help", OPTION_ON, MEMBER(show_help), 0, 0, NULL},
	{"-V", OPTION_ON, MEMBER(show_version), 0, 0, NULL},
	{"--version", OPTION_ON, MEMBER(show_version), 0, 0, NULL},
	{"-f", OPTION_ON, MEMBER(foreground), 0, 0, NULL},
	{"-d", OPTION_ON, MEMBER(debug), 0, 0, NULL},
	{"-v", OPTION_ON, MEMBER(verbose), 0, 0, NULL},
	{"--fetch", OPTION_ON, MEMBER(fetch), 0, 0, NULL},
	{"--forget", OPTION_ON, MEMBER(forget), 0, 0, NULL},

	{"ro", OPTION_ON, MEMBER(read_only), 0, 0, NULL},
	{"rw", OPTION_OFF, MEMBER(read_only), 0, 0, NULL},
	{"sync", OPTION_ON, MEMBER(sync), 0, 0, NULL},
	{"dirsync", OPTION_ON, MEMBER(sync), 0, 0, NULL},
	{"async", OPTION_OFF, MEMBER(sync), 0, 0, NULL},
	{"writeback", OPTION_ON, MEMBER(writeback), 0, 0, NULL},
	{"trash", OPTION_CHOICE, MEMBER(trash), 0, 0, "auto|yes|no"},
	{"names", OPTION_CHOICE, MEMBER(names_uid), 0, 0, "subject|uid"},
	{"offline", OPTION_ON, MEMBER(offline), 0, 0, NULL},
	{"cache", OPTION_CACHE, MEMBER(cache), 0, 0, NULL},
	{"cache_size", OPTION_SIZE, MEMBER(cache_size), 4 * KIB *KIB, KIB *KIB *KIB *KIB, NULL},
	{"memory", OPTION_SIZE, MEMBER(memory), 4 * KIB *KIB, KIB *KIB *KIB *KIB, NULL},
	{"connections", OPTION_NUMBER, MEMBER(n_connections), 1, 10, NULL},
	{"compress", OPTION_CHOICE, MEMBER(compress), 0, 0, "auto|on|off"},
	{"poll", OPTION_NUMBER, MEMBER(poll_seconds), 0, 86400, NULL},
	{"timeout", OPTION_NUMBER, MEMBER(timeout_seconds), 1, 3600, NULL},
	{"tls", OPTION_CHOICE, MEMBER(tls), 0, 0, "implicit|starttls|none"},
	{"ca_file", OPTION_FILE, MEMBER(ca_file), 0, 0, NULL},
	{"password_command", OPTION_TEXT, MEMBER(password_command), 0, 0, NULL},
	{"password_file", OPTION_FILE, MEMBER(password_file), 0, 0, NULL},
	{"umask", OPTION_OCTAL, MEMBER(umask), 0, 0777, NULL},
	{"uid", OPTION_NUMBER, MEMBER(uid), 0, ID_MAX, NULL},
	{"gid", OPTION_NUMBER, MEMBER(gid), 0, ID_MAX, NULL},
	{"allow_other", OPTION_ON, MEMBER(allow_other), 0, 0, NULL},

	{"remount", OPTION_REFUSED, 0, 0, 0,
         "a mount cannot be changed in place; unmount it and mount it again"},
	{"password", OPTION_REFUSED, 0, 0, 0,
         "it would be readable in command lines and configuration files; use "
         "password_command or password_file, or let imapfs ask"},

	{"allow_root", OPTION_FUSE, 0, 0, 0, NULL},
	{"auto_unmount", OPTION_FUSE, 0, 0, 0, NULL},
	{"exec", OPTION_FUSE, 0, 0, 0, NULL},
	{"noexec", OPTION_FUSE, 0, 0, 0, NULL},
	{"atime", OPTION_FUSE, 0, 0, 0, NULL},
	{"noatime", OPTION_FUSE, 0, 0, 0, NULL},
	{"context", OPTION_FUSE, 0, 0, 0, "LABEL"},
	{"fscontext", OPTION_FUSE, 0, 0, 0, "LABEL"},
	{"defcontext", OPTION_FUSE, 0, 0, 0, "LABEL"},
	{"rootcontext", OPTION_FUSE, 0, 0, 0, "LABEL"},
	/* nosuid, nodev and default_permissions always hold, so the first two cannot be undone:
         * mount(8) says "suid,dev" to its helpers wherever fstab does not say otherwise */
	{"default_permissions", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nosuid", OPTION_MOUNT, 0, 0, 0, NULL},
	{"suid", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nodev", OPTION_MOUNT, 0, 0, 0, NULL},
	{"dev", OPTION_MOUNT, 0, 0, 0, NULL},
	{"defaults", OPTION_MOUNT, 0, 0, 0, NULL},
	{"diratime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nodiratime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"relatime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"norelatime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"strictatime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nostrictatime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"lazytime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nolazytime", OPTION_MOUNT, 0, 0, 0, NULL},
	{"auto", OPTION_MOUNT, 0, 0, 0, NULL},
	{"noauto", OPTION_MOUNT, 0, 0, 0, NULL},
	{"user", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nouser", OPTION_MOUNT, 0, 0, 0, NULL},
	{"users", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nousers", OPTION_MOUNT, 0, 0, 0, NULL},
	{"owner", OPTION_MOUNT, 0, 0, 0, NULL},
	{"noowner", OPTION_MOUNT, 0, 0, 0, NULL},
	{"group", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nogroup", OPTION_MOUNT, 0, 0, 0, NULL},
	{"nofail", OPTION_MOUNT, 0, 0, 0, NULL},
	{"_netdev", OPTION_MOUNT, 0, 0, 0, NULL},
	{"comment", OPTION_MOUNT, 0, 0, 0, NULL},
	{"helper", OPTION_MOUNT, 0, 0, 0, NULL},
	{"uhelper", OPTION_MOUNT, 0, 0, 0, NULL},
	{"-n", OPTION_MOUNT, 0, 0, 0, NULL}, /* mount(8): do not write /etc/mtab */
	{"-s", OPTION_MOUNT, 0, 0, 0, NULL}, /* libfuse: one thread, which is so anyway */
};

static const OptionRow *
find_row(const char *name)
{
	/* words that only the reader of fstab understands, like x-systemd.automount */
	static const OptionRow comment = {"x-", OPTION_MOUNT, 0, 0, 0, NULL};

	if (g_ascii_strncasecmp(name, "x-", 2) == 0)
		return &comment;
	for (gsize i = 0; i < G_N_ELEMENTS(option_rows); i++) {
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	}
	return NULL;
}

/* How many letters must be added, left out or replaced to make @a from @b (Levenshtein). */
static guint
edit_distance(const char *a, const char *b)
{
	gsize n = strlen(b);
	g_autofree guint *row = g_new(guint, n + 1);

	for (gsize j = 0; j <= n; j++)
		row[j] = (guint)j;
	for (gsize i = 0; a[i] != '\0'; i++) {
		guint diagonal = row[0]++;

		for (gsize j = 0; j < n; j++) {
			guint replaced = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = MIN(replaced, 1 + MIN(row[j], row[j + 1]));
		}
	}
	return row[n];
}

/* The option that someone who wrote @name may have meant, or NULL. */
static const char *
closest_name(const char *name)
{
	const char *closest = NULL;
	guint best = strlen(name) < 5 ? 2 : 3; /* this many wrong letters are no slip any more */

	if (strlen(name) > 40)
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(option_rows); i++) {
		const OptionRow *row = &option_rows[i];
		guint distance = edit_distance(name, row->name);

		if (row->kind != OPTION_MOUNT && row->kind != OPTION_REFUSED && distance < best) {
			best = distance;
			closest = row->name;
		}
	}
	return closest;
}

static gboolean
refuse(GError **error, const OptionRow *row, const char *why)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "%s: %s", row->name, why);
	return FALSE;
}

static gboolean
refuse_unknown(GError **error, const char *name)
{
	const char *closest = closest_name(name);

	if (closest != NULL)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		            "unknown option '%s'; did you mean '%s'?", name, closest);
	else
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "unknown option '%s'", name);
	return FALSE;
}

static gboolean
set_choice(const OptionRow *row, const char *value, Options *options, GError **error)
{
	g_auto(GStrv) choices = g_strsplit(row->hint, "|", -1);

	for (gint i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], value) == 0) {
			G_STRUCT_MEMBER(gint, options, row->offset) = i;
			return TRUE;
		}
	}
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "%s=%s: must be one of %s", row->name,
	            value, row->hint);
	return FALSE;
}

static gboolean
set_number(const OptionRow *row, const char *value, Options *options, GError **error)
{
	gboolean octal = row->kind == OPTION_OCTAL;
	guint64 number;

	if (g_ascii_string_to_unsigned(value, octal ? 8 : 10, row->low, row->high, &number, NULL)) {
		G_STRUCT_MEMBER(guint32, options, row->offset) = (guint32)number;
		return TRUE;
	}
	if (octal)
		return refuse(error, row, "must be an octal number from 000 to 777");
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
	            "%s=%s: must be a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
	            row->name, value, row->low, row->high);
	return FALSE;
}

static gboolean
set_size(const OptionRow *row, const char *value, Options *options, GError **error)
{
	static const char units[] = "KMG";
	gsize length = strlen(value);
	const char *unit = length > 0 ? strchr(units, g_ascii_toupper(value[length - 1])) : NULL;
	guint shift = unit != NULL ? 10 * (guint)(unit - units + 1) : 0;
	g_autofree char *digits = g_strndup(value, unit != NULL ? length - 1 : length);
	guint64 number;

	/* with the limit shifted down, shifting up cannot overflow */
	if (!g_ascii_string_to_unsigned(digits, 10, 1, row->high >> shift, &number, NULL) ||
	    number << shift < row->low) {
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		            "%s=%s: must be a size from 4M to 1024G, such as 64M", row->name,
		            value);
		return FALSE;
	}
	G_STRUCT_MEMBER(guint64, options, row->offset) = number << shift;
	return TRUE;
}

static void
set_text(const OptionRow *row, char *text, Options *options)
{
	char **member = &G_STRUCT_MEMBER(char *, options, row->offset);

	g_free(*member);
	*member = text;
}

static char *
absolute_file(const char *name)
{
	/* no shell has seen a name in the configuration file or behind -o password_file= */
	if (g_str_has_prefix(name, "~/"))
		return g_build_filename(g_get_home_dir(), name + 2, NULL);
	return g_canonicalize_filename(name, NULL);
}

static gboolean
set_value(const OptionRow *row, const char *value, Options *options, GError **error)
{
	if (*value == '\0')
		return refuse(error, row, "the value is empty");
	switch (row->kind) {
	case OPTION_TEXT:
		set_text(row, g_strdup(value), options);
		return TRUE;
	case OPTION_FILE:
		set_text(row, absolute_file(value), options);
		return TRUE;
	case OPTION_CHOICE:
		return set_choice(row, value, options, error);
	case OPTION_SIZE:
		return set_size(row, value, options, error);
	case OPTION_CACHE:
		set_text(row, strcmp(value, "memory") == 0 ? g_strdup(value) : absolute_file(value),
		         options);
		return TRUE;
	default:
		return set_number(row, value, options, error);
	}
}

static gboolean
has_value(const OptionRow *row)
{
	switch (row->kind) {
	case OPTION_ON:
	case OPTION_OFF:
		return FALSE;
	case OPTION_FUSE:
		return row->hint != NULL;
	default:
		return TRUE;
	}
}

gboolean
option_table_apply_word(const char *word, Options *options, GPtrArray *fuse_words, GError **error)
{
	const char *equals = strchr(word, '=');
	g_autofree char *name =
		equals != NULL ? g_strndup(word, (gsize)(equals - word)) : g_strdup(word);
	const OptionRow *row = find_row(name);

	if (row == NULL)
		return refuse_unknown(error, name);
	if (row->kind == OPTION_MOUNT)
		return TRUE;
	if (row->kind == OPTION_REFUSED)
		return refuse(error, row, row->hint);
	if (has_value(row) && equals == NULL)
		return refuse(error, row, "a value must follow, as NAME=VALUE");
	if (!has_value(row) && equals != NULL)
		return refuse(error, row, "takes no value");
	if (row->kind == OPTION_FUSE)
		g_ptr_array_add(fuse_words, g_strdup(word));
	else if (equals != NULL)
		return set_value(row, equals + 1, options, error);
	else
		G_STRUCT_MEMBER(gboolean, options, row->offset) = row->kind == OPTION_ON;
	return TRUE;
}

/* A word that stands alone on the command line, as a key of the configuration file. */
static gboolean
apply_switch(const OptionRow *row, const char *value, Options *options, GPtrArray *fuse_words,
             GError **error)
{
	gboolean on = strcmp(value, "true") == 0;

	if (!on && strcmp(value, "false") != 0)
		return refuse(error, row, "must be true or false");
	if (row->kind == OPTION_FUSE && on)
		g_ptr_array_add(fuse_words, g_strdup(row->name));
	else if (row->kind != OPTION_FUSE)
		G_STRUCT_MEMBER(gboolean, options, row->offset) = on == (row->kind == OPTION_ON);
	return TRUE;
}

gboolean
option_table_apply_key(const char *key, const char *value, Options *options, GPtrArray *fuse_words,
                       GError **error)
{
	const OptionRow *row = find_row(key);
	g_autofree char *word = NULL;

	/* nothing puts mount(8)'s words or -f into this file but a misunderstanding */
	if (row == NULL || row->kind == OPTION_MOUNT || *key == '-')
		return refuse_unknown(error, key);
	if (row->kind != OPTION_REFUSED && !has_value(row))
		return apply_switch(row, value, options, fuse_words, error);
	word = g_strdup_printf("%s=%s", key, value);
	return option_table_apply_word(word, options, fuse_words, error);
}
