/*
 * url.c: the URL that names an account.
 *
 * GLib splits and decodes. What it lets pass because other schemes need it is refused before (half
 * an escape, the parts of an IMAP URL that name messages or searches) or after (a strange host
 * name).
 */
#include "url.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "option-table.h"

typedef struct {
	const char *scheme;
	OptionsTls tls;
	guint16 port;
} UrlScheme;

static const UrlScheme url_schemes[] = {
	{"imaps", OPTIONS_TLS_IMPLICIT, 993},
	{"imap", OPTIONS_TLS_STARTTLS, 143},
};

gboolean
url_is_one(const char *text)
{
	return strstr(text, "://") != NULL;
}

static gboolean
refuse(GError **error, const char *why)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "the URL %s", why);
	return FALSE;
}

static gboolean
has_control_character(const char *text)
{
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		if (g_unichar_iscntrl(g_utf8_get_char(p)))
			return TRUE;
	}
	return FALSE;
}

/* What must not be in a URL, looked for before anything is decoded. */
static gboolean
check_text(const char *text, GError **error)
{
	const char *special;

	if (!g_utf8_validate(text, -1, NULL) || has_control_character(text))
		return refuse(error, "is not valid UTF-8 text without control characters");
	for (const char *p = strchr(text, '%'); p != NULL; p = strchr(p + 1, '%')) {
		if (!g_ascii_isxdigit(p[1]) || !g_ascii_isxdigit(p[2]))
			return refuse(error, "has a '%' without two hexadecimal digits behind it; "
			                     "'%' itself is written %25");
	}
	special = strpbrk(text, ";?#");
	if (special == NULL)
		return TRUE;
	if (g_ascii_strncasecmp(special, ";AUTH=", 6) == 0)
		return refuse(error, "asks for a login method with ;AUTH=; imapfs takes the best "
		                     "that the server offers, so leave it out");
	return refuse(error,
	              "has a ';', '?' or '#', which name messages and searches; imapfs mounts "
	              "accounts and mailboxes, where these are written %3B, %3F and %23");
}

static const UrlScheme *
find_scheme(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(url_schemes); i++) {
		if (strcmp(url_schemes[i].scheme, name) == 0)
			return &url_schemes[i];
	}
	return NULL;
}

static gboolean
is_address(const char *host, int family)
{
	struct in6_addr ignored; /* the larger of the two */

	return inet_pton(family, host, &ignored) == 1;
}

/* An address, or a name made of what such names are made of: it goes into messages and into TLS. */
static gboolean
is_host(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";
	const char *zone = strchr(host, '%'); /* as in fe80::1%eth0 */
	g_autofree char *address = g_strndup(host, strcspn(host, "%"));

	if (is_address(address, AF_INET6))
		return zone == NULL || zone[1 + strspn(zone + 1, letters)] == '\0';
	return *host != '\0' && *host != '-' && host[strspn(host, letters)] == '\0';
}

static gboolean
is_loopback(const char *host)
{
	if (is_address(host, AF_INET))
		return g_str_has_prefix(host, "127.");
	return strcmp(host, "::1") == 0 || g_ascii_strcasecmp(host, "localhost") == 0;
}

static gboolean
set_tls(const UrlScheme *scheme, Options *options, GError **error)
{
	if (options->tls == OPTION_TLS_UNSET)
		options->tls = scheme->tls;
	if (scheme->tls == OPTIONS_TLS_IMPLICIT && options->tls != OPTIONS_TLS_IMPLICIT)
		return refuse(error,
		              "begins with imaps://, which is TLS from the first byte, but "
		              "tls= asks for something else; write imap:// or leave tls= out");
	if (scheme->tls != OPTIONS_TLS_IMPLICIT && options->tls == OPTIONS_TLS_IMPLICIT)
		return refuse(error, "begins with imap://, but tls=implicit asks for TLS from the "
		                     "first byte; write imaps://");
	if (options->tls == OPTIONS_TLS_NONE && !is_loopback(options->host))
		return refuse(error,
		              "leads to another machine, and with tls=none everyone on the way "
		              "could read the password and the mail; tls=none is for "
		              "127.0.0.1, ::1 and localhost only");
	return TRUE;
}

/* The mailbox is the path without the slashes at its ends; without a path it is the whole account.
 */
static gboolean
set_mailbox(const char *path, Options *options, GError **error)
{
	g_autofree char *mailbox = g_strdup(*path == '/' ? path + 1 : path);

	if (*mailbox == '/' || strstr(mailbox, "//") != NULL)
		return refuse(error, "names a mailbox with an empty part ('//')");
	if (g_str_has_suffix(mailbox, "/"))
		mailbox[strlen(mailbox) - 1] = '\0';
	if (*mailbox == '\0')
		return TRUE;
	if (has_control_character(mailbox))
		return refuse(error, "names a mailbox with a control character in it");
	options->mailbox = g_steal_pointer(&mailbox);
	return TRUE;
}

static gboolean
set_user(const char *user, Options *options, GError **error)
{
	const struct passwd *self = user != NULL ? NULL : getpwuid(getuid());

	if (user == NULL && self == NULL)
		return refuse(error, "names no user, and the user who calls has no name either");
	if (user == NULL)
		user = self->pw_name;
	if (*user == '\0')
		return refuse(error, "has an '@' but no user in front of it");
	if (has_control_character(user))
		return refuse(error, "names a user with a control character");
	options->user = g_strdup(user);
	return TRUE;
}

/* The URL as others may see it: complete, in plain ASCII, the port only where it is an unusual one.
 */
static char *
write_source(const UrlScheme *scheme, const Options *options)
{
	gboolean bracket = strchr(options->host, ':') != NULL;
	GString *source = g_string_new(scheme->scheme);

	g_string_append(source, "://");
	g_string_append_uri_escaped(source, options->user, NULL, FALSE);
	g_string_append(source, bracket ? "@[" : "@");
	g_string_append_uri_escaped(source, options->host, ":", FALSE);
	if (bracket)
		g_string_append_c(source, ']');
	if (options->port != scheme->port)
		g_string_append_printf(source, ":%u", options->port);
	if (options->mailbox != NULL) {
		g_string_append_c(source, '/');
		g_string_append_uri_escaped(source, options->mailbox, "/", FALSE);
	}
	return g_string_free(source, FALSE);
}

/* Takes the parts that GLib found. @port is -1 where the URL has none. */
static gboolean
take_parts(const UrlScheme *scheme, const char *user, const char *host, int port, const char *path,
           Options *options, GError **error)
{
	if (host == NULL || !is_host(host))
		return refuse(error, "has no valid host name, as in imaps://user@host");
	if (port == 0)
		return refuse(error, "has a port that does not exist: 0");
	options->host = g_strdup(host);
	options->port = port < 0 ? scheme->port : (guint16)port;
	if (!set_user(user, options, error) || !set_mailbox(path, options, error) ||
	    !set_tls(scheme, options, error))
		return FALSE;
	options->source = write_source(scheme, options);
	return TRUE;
}

gboolean
url_parse(const char *text, Options *options, GError **error)
{
	g_autofree char *name = NULL, *user = NULL, *password = NULL, *host = NULL, *path = NULL;
	g_autoptr(GError) ignored = NULL;
	const UrlScheme *scheme;
	int port;

	if (!check_text(text, error))
		return FALSE;
	/* relaxed: in user@example.org@host, as people write it, the last '@' counts. GLib's own
	 * words are not passed on: they repeat what may be half a password. */
	if (!g_uri_split_with_user(text, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_PARSE_RELAXED,
	                           &name, &user, &password, NULL, &host, &port, &path, NULL, NULL,
	                           &ignored))
		return refuse(error,
		              "cannot be read: its form is imaps://[user@]host[:port][/mailbox], "
		              "with everything else as %XX in UTF-8");
	if (password != NULL)
		return refuse(error,
		              "contains a password, which every user of this machine could "
		              "read; leave it out and use password_command or password_file, "
		              "or let imapfs ask");
	scheme = find_scheme(name);
	if (scheme == NULL)
		return refuse(error, "must begin with imaps:// (or imap://, for STARTTLS)");
	return take_parts(scheme, user, host, port, path, options, error);
}
