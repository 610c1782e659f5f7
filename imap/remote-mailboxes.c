/*
 * Mailboxes themselves: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7).
 *
 * A new name is made of the server's own bytes for the mailbox above it and of the user's word,
 * which is encoded here. What is in the word cannot make it two levels, or anything but a name:
 * names leave quoted or as literals (command.c).
 */
#include "change.h"
#include "mutf7.h"
#include "remote-operations.h"

#include <string.h>

typedef struct {
	Change change;
	const char *name; /* of the command */
	char *mailbox;    /* that there is, or NULL */
	char *new_name;   /* that there is to be, or NULL */
	const RemoteMailboxHandler *mailbox_handler;
	const RemoteDoneHandler *done_handler; /* one of the two */
	gpointer data;
} Job;

static const ImapCommandHandler job_handler = {.done = operation_on_done};

static void
job_start(Change *change)
{
	const Job *job = (Job *)change;
	ImapCommand *command = command_new(job->name, &job_handler, change);

	command->once = change->once;
	command_text(command, "%s", job->name);
	if (job->mailbox) {
		command_text(command, " ");
		command_astring(command, job->mailbox);
	}
	if (job->new_name) {
		command_text(command, " ");
		command_astring(command, job->new_name);
	}
	operation_send(&change->operation, command);
}

/* Once any of it may have been done, the mailbox may be gone, or another one take its name. */
static void
job_forget_mailbox(const Job *job, const GError *error)
{
	gboolean may_be_done = !error || g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_UNKNOWN);

	if (job->mailbox && job->change.once && may_be_done)
		pool_forget_mailbox(job->change.operation.pool, job->mailbox);
}

static void
job_finish(Operation *operation, const GError *error)
{
	Job *job = (Job *)operation;

	job_forget_mailbox(job, error);
	if (job->mailbox_handler)
		job->mailbox_handler->done(error ? NULL : job->new_name, error, job->data);
	else
		job->done_handler->done(error, job->data);
	g_free(job->mailbox);
	g_free(job->new_name);
	change_clear(&job->change);
	g_free(job);
}

static Job *
job_new(const char *name, const char *mailbox, gpointer data)
{
	Job *job = g_new0(Job, 1);

	job->name = name;
	job->mailbox = g_strdup(mailbox);
	job->data = data;
	job->change.start = job_start;
	job->change.operation.finish = job_finish;
	return job;
}

/* --- new names --- */

static gboolean
refuse_name(GError **error, const char *why)
{
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "the name of a mailbox %s", why);
	return FALSE;
}

static gboolean
has_control_character(const char *text)
{
	for (; *text; text = g_utf8_next_char(text))
		if (g_unichar_iscntrl(g_utf8_get_char(text)))
			return TRUE;
	return FALSE;
}

/* The delimiter must not come about by the encoding either. */
static gboolean
component_check(const char *component, const char *encoded, char delimiter, GError **error)
{
	if (!*component)
		return refuse_name(error, "must not be empty");
	if (has_control_character(component))
		return refuse_name(error, "must not have control characters");
	if (delimiter && (strchr(component, delimiter) || strchr(encoded, delimiter)))
		return refuse_name(error, "must not have what stands between levels");
	return TRUE;
}

char *
remote_mailbox_name(const RemoteMailboxName *name, GError **error)
{
	const char delimiter[] = {name->delimiter, '\0'};
	g_autofree char *encoded = NULL;

	if (name->whole)
		return g_strdup(name->whole);
	if (!g_utf8_validate(name->component, -1, NULL)) {
		refuse_name(error, "must be UTF-8");
		return NULL;
	}
	encoded = mutf7_encode(name->component);
	if (!component_check(name->component, encoded, name->delimiter, error))
		return NULL;
	if (!name->parent)
		return g_steal_pointer(&encoded);
	if (!name->delimiter) {
		refuse_name(error, "has no levels here");
		return NULL;
	}
	return g_strconcat(name->parent, delimiter, encoded, NULL);
}

/* --- the operations --- */

static void
job_submit_with_name(Job *job, ImapPool *pool, const RemoteMailboxName *name,
                     const RemoteMailboxHandler *handler)
{
	GError *error = NULL;

	job->mailbox_handler = handler;
	job->change.once = TRUE;
	job->new_name = remote_mailbox_name(name, &error);
	if (job->new_name)
		change_submit(&job->change, pool, NULL, 0);
	else
		change_refuse(&job->change, pool, error);
}

void
remote_create(ImapPool *pool, const RemoteMailboxName *name, const RemoteMailboxHandler *handler,
              gpointer data)
{
	job_submit_with_name(job_new("CREATE", NULL, data), pool, name, handler);
}

void
remote_rename(ImapPool *pool, const char *mailbox, const RemoteMailboxName *name,
              const RemoteMailboxHandler *handler, gpointer data)
{
	job_submit_with_name(job_new("RENAME", mailbox, data), pool, name, handler);
}

void
remote_delete(ImapPool *pool, const char *mailbox, const RemoteDoneHandler *handler, gpointer data)
{
	Job *job = job_new("DELETE", mailbox, data);

	job->done_handler = handler;
	job->change.once = TRUE;
	change_submit(&job->change, pool, NULL, 0);
}

void
remote_subscribe(ImapPool *pool, const char *mailbox, gboolean subscribed,
                 const RemoteDoneHandler *handler, gpointer data)
{
	Job *job = job_new(subscribed ? "SUBSCRIBE" : "UNSUBSCRIBE", mailbox, data);

	job->done_handler = handler;
	change_submit(&job->change, pool, NULL, 0);
}
