/*
 * Access control lists (RFC 4314): reading one, and making it another.
 *
 * A list is a line for each identifier, "identifier rights", and "" stands for no rights at all. An
 * identifier may have spaces in it, rights have none.
 *
 * The list is made another one step after the other, and each needs the right to administer (a),
 * which a step may take from the very user who makes it; under which identifiers that user is
 * known nobody can tell. So what grants comes first, then what takes away from others, and last
 * whatever takes that right from anybody. A step that is refused is the last one.
 */
#include <string.h>

#include "answers.h"
#include "errand.h"
#include "rights.h"

#define VIRTUAL         "cd" /* where others are told too, they stand for some of these */
#define NO_RIGHTS       "\"\""
#define MAX_NAMED_STEPS 8

CacheResult
mailbox_acl(Mailbox *mailbox, const char **acl, Waiter *waiter, GError **error)
{
	const Question question = {.kind = ANSWER_ACL, .mailbox = mailbox};
	const Answer *answer;
	CacheResult result = answer_ask(&question, &answer, waiter, error);

	if (result == CACHE_READY)
		*acl = answer->text->str;
	return result;
}

/* --- lists --- */

static gboolean
are_rights(const char *word)
{
	while (g_ascii_isalnum(*word))
		word++;
	return !*word;
}

/* Behind the last space of a line; NULL: this is no entry. */
static const char *
split_entry(char *line)
{
	char *space = strrchr(line, ' ');
	const char *rights = space ? space + 1 : NULL;

	if (!space || space == line)
		return NULL;
	*space = '\0';
	if (g_str_equal(rights, NO_RIGHTS))
		return "";
	return are_rights(rights) ? rights : NULL;
}

/* identifier -> rights; NULL: no such list. */
static GHashTable *
parse(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GHashTable) acl = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	for (char **line = lines; *line; line++) {
		const char *rights;

		g_strchomp(*line);
		if (!**line)
			continue;
		rights = split_entry(*line);
		if (!rights || !g_hash_table_insert(acl, g_strdup(*line), g_strdup(rights)))
			return NULL; /* or told twice */
	}
	return g_steal_pointer(&acl);
}

static gboolean
is_contained(const char *rights, const char *others)
{
	gboolean precise = strpbrk(rights, "kxte") != NULL;

	for (; *rights; rights++)
		if (!strchr(others, *rights) && !(precise && strchr(VIRTUAL, *rights)))
			return FALSE;
	return TRUE;
}

static gboolean
is_same(const char *rights, const char *others)
{
	return is_contained(rights, others) && is_contained(others, rights);
}

/* --- changing --- */

/* In the order in which they are made. */
typedef enum {
	GRANTS, /* what is new, or more than before */
	TAKES,  /* away what is not the right to administer */
	TAKES_ADMIN,
} StepKind;

typedef struct {
	StepKind kind;
	char *identifier, *rights; /* rights NULL: DELETEACL */
} Step;

typedef struct {
	Errand errand;
	guint32 mailbox_id;
	char *mailbox; /* server's bytes */
	GHashTable *wanted;
	GArray *steps; /* of Step */
	guint n_done;
} AclChange;

static void change_go_on(AclChange *change);

static void
step_clear(gpointer data)
{
	Step *step = data;

	g_free(step->identifier);
	g_free(step->rights);
}

static void
change_free(Errand *errand)
{
	AclChange *change = (AclChange *)errand;

	g_hash_table_unref(change->wanted);
	g_array_unref(change->steps);
	g_free(change->mailbox);
	g_free(change);
}

static void
change_end(AclChange *change, const GError *error)
{
	Mailbox *mailbox = account_mailbox(change->errand.account, change->mailbox_id);

	if (mailbox && change->steps->len) {
		rights_forget(mailbox);
		rights_ask(mailbox);
	}
	errand_end(&change->errand, error ? g_error_copy(error) : NULL);
}

static char *
step_words(const Step *step)
{
	return step->rights ? g_strdup_printf("SETACL %s %s", step->identifier,
	                                      *step->rights ? step->rights : NO_RIGHTS)
	                    : g_strdup_printf("DELETEACL %s", step->identifier);
}

/* Which steps stay as they are; caller frees. */
static char *
describe_done(const AclChange *change)
{
	GString *text = g_string_new(change->n_done ? "done before: " : "nothing was done before");

	for (guint i = 0; i < MIN(change->n_done, MAX_NAMED_STEPS); i++) {
		g_autofree char *words = step_words(&g_array_index(change->steps, Step, i));

		g_string_append_printf(text, "%s%s", i ? ", " : "", words);
	}
	if (change->n_done > MAX_NAMED_STEPS)
		g_string_append_printf(text, " and %u more", change->n_done - MAX_NAMED_STEPS);
	return g_string_free(text, FALSE);
}

/* Whoever wants another list must know which one there is now. */
static void
change_refused(AclChange *change, const GError *error)
{
	g_autofree char *refused = step_words(&g_array_index(change->steps, Step, change->n_done));
	g_autofree char *done = describe_done(change);
	g_autoptr(GError) told =
		g_error_new(IMAPFS_ERROR, error->code, "%s (%s; %u of %u changes of the list, %s)",
	                    error->message, refused, change->n_done, change->steps->len, done);

	change_end(change, told);
}

static void
on_step(const GError *error, gpointer data)
{
	AclChange *change = data;

	if (error) {
		change_refused(change, error);
		return;
	}
	change->n_done++;
	change_go_on(change);
}

static const RemoteDoneHandler step_handler = {.done = on_step};

static void
change_go_on(AclChange *change)
{
	Remote *remote = change->errand.account->remote;
	const Step *step;

	if (change->n_done == change->steps->len || change->errand.released) {
		change_end(change, NULL);
		return;
	}
	step = &g_array_index(change->steps, Step, change->n_done);
	remote->operations->set_acl(remote, change->mailbox, step->identifier, step->rights,
	                            &step_handler, change);
}

/* --- what is to be done --- */

static gboolean
administers(const char *rights)
{
	return rights && strchr(rights, 'a');
}

/* What "-identifier" has is taken from whoever that is (RFC 4314 2), so there less is more. */
static StepKind
kind_of_step(const char *identifier, const char *now, const char *next)
{
	gboolean negative = *identifier == '-';
	const char *before = negative ? next : now, *after = negative ? now : next;

	if (administers(before) && !administers(after))
		return TAKES_ADMIN;
	return is_contained(before ? before : "", after ? after : "") ? GRANTS : TAKES;
}

static void
add_step(AclChange *change, const char *identifier, const char *now, const char *next)
{
	const Step step = {kind_of_step(identifier, now, next), g_strdup(identifier),
	                   g_strdup(next)};

	g_array_append_val(change->steps, step);
}

static int
compare_steps(gconstpointer a, gconstpointer b)
{
	const Step *one = a, *other = b;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strcmp(one->identifier, other->identifier);
}

static void
plan(AclChange *change, GHashTable *present)
{
	GHashTableIter iter;
	gpointer identifier, rights;

	g_hash_table_iter_init(&iter, change->wanted);
	while (g_hash_table_iter_next(&iter, &identifier, &rights)) {
		const char *now = g_hash_table_lookup(present, identifier);

		if (!now || !is_same(now, rights))
			add_step(change, identifier, now, rights);
	}
	g_hash_table_iter_init(&iter, present);
	while (g_hash_table_iter_next(&iter, &identifier, &rights))
		if (!g_hash_table_contains(change->wanted, identifier))
			add_step(change, identifier, rights, NULL);
	g_array_sort(change->steps, compare_steps);
}

/* Nothing is begun that cannot be done to the end. */
static GError *
judge_steps(const AclChange *change)
{
	for (guint i = 0; i < change->steps->len; i++) {
		const char *identifier = g_array_index(change->steps, Step, i).identifier;

		if (strstr(identifier, REMOTE_UNTOLD))
			return g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
			                   "the entry of %s cannot be changed: the identifier has"
			                   " characters that cannot be told",
			                   identifier);
	}
	return NULL;
}

static void
change_begin(AclChange *change, GHashTable *present)
{
	g_autoptr(GError) error = NULL;

	plan(change, present);
	error = judge_steps(change);
	if (!error) {
		change_go_on(change);
		return;
	}
	g_array_set_size(change->steps, 0);
	change_end(change, error);
}

static void
on_acl(const char *text, const GError *error, gpointer data)
{
	AclChange *change = data;
	g_autoptr(GHashTable) present = error ? NULL : parse(text);
	g_autoptr(GError) garbage = NULL;

	if (!error && !present)
		garbage =
			g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_PROTOCOL, "no such list: %s", text);
	if (!present) {
		change_end(change, error ? error : garbage);
		return;
	}
	change_begin(change, present);
}

static const RemoteTextHandler acl_handler = {.done = on_acl};

CacheResult
mailbox_set_acl(Mailbox *mailbox, const char *acl, Errand **errand, Waiter *waiter, GError **error)
{
	Remote *remote = mailbox->account->remote;
	const RemoteOperations *operations = remote->operations;
	g_autoptr(GHashTable) wanted = parse(acl);
	CacheResult result = errand_await_mailbox(mailbox, waiter, error);
	AclChange *change;

	if (result != CACHE_READY)
		return result;
	if (!errand_allowed(mailbox->account, REMOTE_ACL, operations->acl && operations->set_acl,
	                    error))
		return CACHE_FAILED;
	if (!wanted) {
		g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
		                    "not a list of \"identifier rights\", each once");
		return CACHE_FAILED;
	}
	change = g_new0(AclChange, 1);
	errand_init(&change->errand, mailbox->account, change_free);
	change->mailbox_id = mailbox->id;
	change->mailbox = g_strdup(mailbox->name);
	change->wanted = g_steal_pointer(&wanted);
	change->steps = g_array_new(FALSE, FALSE, sizeof(Step));
	g_array_set_clear_func(change->steps, step_clear);
	*errand = &change->errand;
	operations->acl(remote, change->mailbox, &acl_handler, change);
	return CACHE_READY;
}
