/*
 * log.c: where messages go.
 *
 * Whatever a message contains, and mail servers have a say in that, it comes out as one line
 * without control characters: nobody can forge a second message or send escape sequences to a
 * terminal. The writer may be called from any thread; a line leaves in a single write().
 */
#include "log.h"

#include <fuse_lowlevel.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

typedef struct {
	GLogLevelFlags level;
	int priority;
	const char *word; /* in front of the text, for the eye and for grep */
} LogLevel;

static const LogLevel log_levels[] = {
	{G_LOG_LEVEL_ERROR, LOG_CRIT, "ERROR: "},
	{G_LOG_LEVEL_CRITICAL, LOG_ERR, "CRITICAL: "},
	{G_LOG_LEVEL_WARNING, LOG_WARNING, "WARNING: "},
	{G_LOG_LEVEL_MESSAGE, LOG_NOTICE, ""},
	{G_LOG_LEVEL_INFO, LOG_INFO, ""},
	{G_LOG_LEVEL_DEBUG, LOG_DEBUG, ""},
};

/* Set once, before there is a second thread; the last is atomic. */
static GLogLevelFlags log_shown;
static gboolean log_times;
static gint log_is_syslog;

static const LogLevel *
find_level(GLogLevelFlags flags)
{
	for (gsize i = 0; i < G_N_ELEMENTS(log_levels); i++) {
		if ((flags & log_levels[i].level) != 0)
			return &log_levels[i];
	}
	return &log_levels[0];
}

/* The field @name of a message, not always terminated: its length is given, 0 if there is none. */
static const char *
find_field(const GLogField *fields, gsize n_fields, const char *name, gsize *length)
{
	for (gsize i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].key, name) == 0) {
			*length = fields[i].length < 0 ? strlen(fields[i].value)
			                               : (gsize)fields[i].length;
			return fields[i].value;
		}
	}
	*length = 0;
	return "";
}

/* Appends @text with everything but printable characters as \n, \t or \xNN. */
static void
append_escaped(GString *line, const char *text, gsize length)
{
	const char *end = text + length;

	while (text < end) {
		gunichar character = g_utf8_get_char_validated(text, end - text);
		gboolean valid = character < (gunichar)-2; /* -1, -2: not UTF-8 */
		gsize step = valid ? (gsize)g_unichar_to_utf8(character, NULL) : 1;

		if (valid && g_unichar_isprint(character))
			g_string_append_len(line, text, (gssize)step);
		else if (*text == '\n' || *text == '\t')
			g_string_append(line, *text == '\n' ? "\\n" : "\\t");
		else
			for (gsize i = 0; i < step; i++)
				g_string_append_printf(line, "\\x%02x", (guchar)text[i]);
		text += step;
	}
}

/* The level's word, the domain and the text, in one line. */
static void
append_message(GString *line, const LogLevel *level, const GLogField *fields, gsize n_fields)
{
	gsize domain_length, length;
	const char *domain = find_field(fields, n_fields, "GLIB_DOMAIN", &domain_length);
	const char *text = find_field(fields, n_fields, "MESSAGE", &length);

	while (length > 0 && text[length - 1] == '\n')
		length--;
	g_string_append(line, level->word);
	/* a plain message is for the user, who need not know which layer speaks */
	if (domain_length > 0 && level->level != G_LOG_LEVEL_MESSAGE) {
		append_escaped(line, domain, domain_length);
		g_string_append(line, ": ");
	}
	append_escaped(line, text, length);
}

static void
write_stderr(GString *line)
{
	const char *rest = line->str;
	gsize length;

	g_string_append_c(line, '\n');
	for (length = line->len; length > 0;) {
		ssize_t written = write(STDERR_FILENO, rest, length);

		if (written <= 0)
			return; /* nobody is left to tell */
		rest += written;
		length -= (gsize)written;
	}
}

static void
append_time(GString *line)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *clock = now != NULL ? g_date_time_format(now, "%H:%M:%S.%f ") : NULL;

	if (clock != NULL)
		g_string_append(line, clock);
}

/* GLib's own debug messages drown ours. */
static gboolean
is_others_chatter(const LogLevel *level, const GLogField *fields, gsize n_fields)
{
	if (level->level != G_LOG_LEVEL_DEBUG)
		return FALSE;
	for (gsize i = 0; i < n_fields; i++)
		if (g_str_equal(fields[i].key, "GLIB_DOMAIN"))
			return g_str_has_prefix(fields[i].value, "GLib");
	return FALSE;
}

static GLogWriterOutput
write_message(GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer data)
{
	const LogLevel *level = find_level(flags);
	g_autoptr(GString) line = NULL;

	(void)data;
	if ((level->level & log_shown) == 0 || is_others_chatter(level, fields, n_fields))
		return G_LOG_WRITER_HANDLED;
	line = g_string_sized_new(256);
	if (g_atomic_int_get(&log_is_syslog)) {
		append_message(line, level, fields, n_fields);
		syslog(level->priority, "%s", line->str);
		return G_LOG_WRITER_HANDLED;
	}
	g_string_append(line, "imapfs: ");
	if (log_times)
		append_time(line);
	append_message(line, level, fields, n_fields);
	write_stderr(line);
	return G_LOG_WRITER_HANDLED;
}

/* libfuse's own messages, which would go to a standard error that a daemon does not have. */
static void G_GNUC_PRINTF(2, 0)
	write_fuse_message(enum fuse_log_level level, const char *format, va_list arguments)
{
	GLogLevelFlags flags = level <= FUSE_LOG_WARNING  ? G_LOG_LEVEL_WARNING
	                       : level == FUSE_LOG_NOTICE ? G_LOG_LEVEL_MESSAGE
	                       : level == FUSE_LOG_INFO   ? G_LOG_LEVEL_INFO
	                                                  : G_LOG_LEVEL_DEBUG;

	g_logv("libfuse", flags, format, arguments);
}

void
log_init(gboolean verbose, gboolean debug)
{
	log_shown = G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING |
	            G_LOG_LEVEL_MESSAGE;
	if (verbose || debug)
		log_shown |= G_LOG_LEVEL_INFO;
	if (debug)
		log_shown |= G_LOG_LEVEL_DEBUG;
	log_times = debug;
	g_log_set_debug_enabled(debug); /* so that the layers need not format what nobody reads */
	g_log_set_writer_func(write_message, NULL, NULL);
	fuse_set_log_func(write_fuse_message);
}

void
log_to_syslog(void)
{
	openlog("imapfs", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	g_atomic_int_set(&log_is_syslog, TRUE);
}
