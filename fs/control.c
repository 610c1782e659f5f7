/*
 * Control files: .imapfs/status, one "name: value" a line; errors and pending, a change a line. For
 * events see events.c.
 */
#include "control.h"

#include <errno.h>

#include "attributes.h"
#include "events.h"
#include "node.h"

static void
append_requests(const FileSystem *fs, GString *text)
{
	static const char *const names[N_OPS] = {
		[OP_LOOKUP] = "lookup",   [OP_GETATTR] = "getattr", [OP_OPENDIR] = "opendir",
		[OP_READDIR] = "readdir", [OP_OPEN] = "open",       [OP_READ] = "read",
		[OP_WRITE] = "write",     [OP_CHANGE] = "change",   [OP_OTHER] = "other",
	};

	g_string_append_printf(text, "parked: %u\n", fs->parked.length);
	for (guint i = 0; i < N_OPS; i++)
		g_string_append_printf(text, "requests_%s: %" G_GUINT64_FORMAT "\n", names[i],
		                       fs->n_requests[i]);
}

static GBytes *
make_status(FileSystem *fs)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text,
	                       "version: %s\nmounted: %s\nuptime_seconds: %" G_GINT64_FORMAT "\n",
	                       IMAPFS_VERSION, fs->options->source,
	                       g_get_real_time() / G_USEC_PER_SEC - fs->mounted_at);
	account_status(fs->account, text);
	append_requests(fs, text);
	return g_string_free_to_bytes(text);
}

static GBytes *
make_errors(FileSystem *fs)
{
	GString *text = g_string_new(NULL);

	account_describe_errors(fs->account, text);
	return g_string_free_to_bytes(text);
}

static GBytes *
make_pending(FileSystem *fs)
{
	GString *text = g_string_new(NULL);

	account_describe_pending(fs->account, text);
	return g_string_free_to_bytes(text);
}

static const struct {
	const char *name;
	GBytes *(*make)(FileSystem *fs);
} files[] = {
	{"status", make_status},
	{"errors", make_errors},
	{"pending", make_pending},
};

GBytes *
control_bytes(const FileSystem *fs, fuse_ino_t node)
{
	return g_hash_table_lookup(fs->snapshots, &node);
}

void
control_forget(FileSystem *fs, fuse_ino_t node)
{
	g_hash_table_remove(fs->snapshots, &node);
}

void
control_lookup_directory(Request *request)
{
	struct fuse_entry_param entry = {
		.ino = NODE_CONTROL,
		.entry_timeout = KEEP_SECONDS,
		.attr_timeout = KEEP_SECONDS,
	};

	attributes_of_control(request->fs, NODE_CONTROL, TRUE, 0, &entry.attr);
	request_reply_entry(request, &entry);
}

/* A node that is answered once has one lookup count: its FORGET is the end of it. */
void
control_lookup_file(Request *request)
{
	FileSystem *fs = request->fs;
	struct fuse_entry_param entry = {.attr_timeout = KEEP_SECONDS};

	if (g_str_equal(request->name, EVENTS_NAME)) {
		events_lookup(request);
		return;
	}
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		GBytes *bytes;

		if (!g_str_equal(files[i].name, request->name))
			continue;
		bytes = files[i].make(fs);
		entry.ino = NODE_SNAPSHOT + fs->n_snapshots++;
		g_hash_table_insert(fs->snapshots, g_memdup2(&entry.ino, sizeof(entry.ino)), bytes);
		attributes_of_control(fs, entry.ino, FALSE, g_bytes_get_size(bytes), &entry.attr);
		request_reply_entry(request, &entry);
		return;
	}
	request_reply_errno(request, ENOENT);
}

void
control_getattr(Request *request)
{
	GBytes *bytes = control_bytes(request->fs, request->node);
	struct stat attr;

	if (events_has(request->fs, request->node)) {
		events_getattr(request);
		return;
	}
	if (!bytes && request->node != NODE_CONTROL) {
		request_reply_errno(request, ESTALE);
		return;
	}
	attributes_of_control(request->fs, request->node, !bytes,
	                      bytes ? g_bytes_get_size(bytes) : 0, &attr);
	request_reply_attr(request, &attr, KEEP_SECONDS);
}

/* Entries without a node: the kernel looks each up when it needs it, and so gets a fresh one. */
void
control_readdir(Request *request)
{
	const char *names[3 + G_N_ELEMENTS(files)] = {".", "..", EVENTS_NAME};
	g_autofree char *buffer = g_malloc(request->size);
	struct fuse_entry_param entry = {0};
	size_t used = 0;

	for (guint i = 0; i < G_N_ELEMENTS(files); i++)
		names[3 + i] = files[i].name;
	for (guint i = (guint)MIN(request->offset, (off_t)G_N_ELEMENTS(names));
	     i < G_N_ELEMENTS(names); i++) {
		size_t room = request->size - used, needed;

		entry.attr.st_ino = i < 2 ? NODE_CONTROL : NODE_SNAPSHOT;
		entry.attr.st_mode = i < 2 ? S_IFDIR : S_IFREG;
		needed = request->plus ? fuse_add_direntry_plus(request->req, buffer + used, room,
		                                                names[i], &entry, i + 1)
		                       : fuse_add_direntry(request->req, buffer + used, room,
		                                           names[i], &entry.attr, i + 1);
		if (needed > room)
			break;
		used += needed;
	}
	request_reply_buffer(request, buffer, used);
}
