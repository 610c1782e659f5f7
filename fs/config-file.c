/*
 * config-file.c: the accounts that the user has written down.
 *
 * A GLib key file with a group for each account. It may name a command to run, so it is read only
 * if nobody else could have written it.
 */
#include "config-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "option-table.h"

char *
config_file_path(void)
{
	return g_build_filename(g_get_user_config_dir(), "imapfs", "config", NULL);
}

static gboolean
refuse(GError **error, const char *why)
{
	g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, why);
	return FALSE;
}

static gboolean
check_config_file(int fd, GError **error)
{
	struct stat attributes;

	if (fstat(fd, &attributes) < 0 || !S_ISREG(attributes.st_mode))
		return refuse(error, "is not a regular file");
	if (attributes.st_uid != getuid() && attributes.st_uid != 0)
		return refuse(error,
		              "belongs to another user, who could have commands run in your name");
	if ((attributes.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(error,
		              "can be written by other users, who could have commands run in your "
		              "name; chmod go-w it");
	return TRUE;
}

static GKeyFile *
read_config_file(const char *path, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GMappedFile) mapped = NULL;
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GError) reason = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	gboolean sound;

	if (fd < 0) {
		refuse(error, g_strerror(errno));
		return NULL;
	}
	sound = check_config_file(fd, error);
	if (sound)
		mapped = g_mapped_file_new_from_fd(fd, FALSE, &reason);
	close(fd);
	if (mapped != NULL)
		bytes = g_mapped_file_get_bytes(mapped);
	if (bytes != NULL && g_key_file_load_from_bytes(file, bytes, G_KEY_FILE_NONE, &reason))
		return g_steal_pointer(&file);
	if (sound)
		refuse(error, reason->message);
	return NULL;
}

static gboolean
apply_config_key(GKeyFile *file, const char *account, const char *key, Options *options,
                 GPtrArray *fuse_words, char **url, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autofree char *value = g_key_file_get_string(file, account, key, &reason);

	if (reason != NULL) { /* an unknown escape gives an error as well as a value */
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "%s: %s", key,
		            reason->message);
		return FALSE;
	}
	if (g_str_has_suffix(value, "\r")) /* written by an editor of another system */
		value[strlen(value) - 1] = '\0';
	if (strcmp(key, "url") != 0)
		return option_table_apply_key(key, value, options, fuse_words, error);
	g_free(*url);
	*url = g_steal_pointer(&value);
	return TRUE;
}

/* Applies the group of @account and gives its URL. */
static gboolean
apply_config_group(GKeyFile *file, const char *account, Options *options, GPtrArray *fuse_words,
                   char **url, GError **error)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, account, NULL, NULL);

	if (keys == NULL) {
		g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
		g_autofree char *known = g_strjoinv("], [", groups);

		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		            "no group [%s] (there is: %s%s%s); a URL would begin with imaps://",
		            account, *groups ? "[" : "", *groups ? known : "none",
		            *groups ? "]" : "");
		return FALSE;
	}
	for (gsize i = 0; keys[i] != NULL; i++) {
		if (!apply_config_key(file, account, keys[i], options, fuse_words, url, error)) {
			g_prefix_error(error, "[%s] ", account);
			return FALSE;
		}
	}
	if (*url == NULL)
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "[%s] has no url=", account);
	return *url != NULL;
}

gboolean
config_file_apply(const char *account, Options *options, GPtrArray *fuse_words, char **url,
                  GError **error)
{
	g_autofree char *path = config_file_path();
	g_autoptr(GKeyFile) file = read_config_file(path, error);

	if (file == NULL) {
		g_prefix_error(error,
		               "'%s' is not a URL (imaps://...), and the file of accounts %s: ",
		               account, path);
		return FALSE;
	}
	if (apply_config_group(file, account, options, fuse_words, url, error))
		return TRUE;
	g_prefix_error(error, "%s: ", path);
	return FALSE;
}
