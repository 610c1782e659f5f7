/*
 * Flags that messages are going to have.
 *
 * Message.flags are the server's, as it last told them. What the journal says is to become of them
 * is kept beside, in the order of the journal, and applied for whoever asks. So a listing that
 * tells the old flags in the meantime changes nothing that is shown, and what is refused leaves no
 * trace.
 *
 *     planned  --carried out-->  applied to Message.flags
 *                                while a listing runs, or none has: once more at its end, for the
 *                                server may have answered that before
 */
#include "flagged.h"

#include "flags-words.h"

typedef struct {
	Change id;
	char sign;
	gboolean done;
	char *words;
	GRefString *before; /* the server's flags, when the first of these was made; or NULL */
} Plan;

static void
plan_free(gpointer data)
{
	Plan *plan = data;

	g_free(plan->words);
	if (plan->before)
		g_ref_string_release(plan->before);
	g_free(plan);
}

static GPtrArray *
plans_of(const Mailbox *mailbox, guint32 uid)
{
	return mailbox->planned_flags
	               ? g_hash_table_lookup(mailbox->planned_flags, GUINT_TO_POINTER(uid))
	               : NULL;
}

gboolean
mailbox_plans_flags(const Mailbox *mailbox, guint32 uid)
{
	return plans_of(mailbox, uid) != NULL;
}

/* Once nothing is planned any more. */
static void
tell(const Mailbox *mailbox, guint32 uid)
{
	const Message *message = mailbox_find_message(mailbox, uid);

	if (message)
		account_tell_message(mailbox, message, ACCOUNT_MESSAGE_FLAGS);
}

static GRefString *
flags_before(const Mailbox *mailbox, guint32 uid, const GPtrArray *plans)
{
	const Message *message = mailbox_find_message(mailbox, uid);
	GRefString *before = plans     ? ((const Plan *)plans->pdata[0])->before
	                     : message ? message->flags
	                               : NULL;

	return before ? g_ref_string_acquire(before) : NULL;
}

void
mailbox_plan_flags(Mailbox *mailbox, guint32 uid, Change id, char sign, const char *words)
{
	GPtrArray *plans = plans_of(mailbox, uid);
	Plan *plan = g_new0(Plan, 1);

	plan->id = id;
	plan->sign = sign;
	plan->words = g_strdup(words);
	plan->before = flags_before(mailbox, uid, plans);
	if (!mailbox->planned_flags)
		mailbox->planned_flags = g_hash_table_new_full(NULL, NULL, NULL,
		                                               (GDestroyNotify)g_ptr_array_unref);
	if (!plans) {
		plans = g_ptr_array_new_with_free_func(plan_free);
		g_hash_table_insert(mailbox->planned_flags, GUINT_TO_POINTER(uid), plans);
	}
	g_ptr_array_add(plans, plan);
}

static void
apply(Mailbox *mailbox, guint32 uid, const Plan *plan)
{
	const Message *message = mailbox_find_message(mailbox, uid);
	g_autofree char *flags =
		message ? flags_words_apply(message->flags, plan->sign, plan->words) : NULL;

	if (flags)
		mailbox_set_flags(mailbox, uid, flags);
}

static void
end_plan(Mailbox *mailbox, guint32 uid, GPtrArray *plans, guint index)
{
	g_ptr_array_remove_index(plans, index);
	if (!plans->len)
		g_hash_table_remove(mailbox->planned_flags, GUINT_TO_POINTER(uid));
}

static gboolean
find_plan(const GPtrArray *plans, Change id, guint *index)
{
	for (*index = 0; plans && *index < plans->len; ++*index)
		if (((const Plan *)plans->pdata[*index])->id == id)
			return TRUE;
	return FALSE;
}

void
mailbox_keep_flags(Mailbox *mailbox, guint32 uid, Change id)
{
	GPtrArray *plans = plans_of(mailbox, uid);
	guint index;

	if (!find_plan(plans, id, &index))
		return;
	apply(mailbox, uid, plans->pdata[index]);
	if (mailbox->n_syncs_done < mailbox->n_syncs_begun || mailbox->state != MAILBOX_COMPLETE)
		((Plan *)plans->pdata[index])->done = TRUE;
	else
		end_plan(mailbox, uid, plans, index);
	if (!plans_of(mailbox, uid))
		tell(mailbox, uid);
}

void
mailbox_drop_flags(Mailbox *mailbox, guint32 uid, Change id)
{
	GPtrArray *plans = plans_of(mailbox, uid);
	g_autoptr(GRefString) before = flags_before(mailbox, uid, plans);
	const Message *message = mailbox_find_message(mailbox, uid);
	guint index;

	if (!find_plan(plans, id, &index))
		return;
	end_plan(mailbox, uid, plans, index);
	if (!plans_of(mailbox, uid) && message && g_strcmp0(before, message->flags) != 0)
		tell(mailbox, uid); /* what others did in the meantime */
}

/* TRUE: none is left. */
static gboolean
end_done(gpointer uid, gpointer value, gpointer data)
{
	GPtrArray *plans = value;
	Mailbox *mailbox = data;

	for (guint i = 0; i < plans->len;) {
		const Plan *plan = plans->pdata[i];

		if (plan->done) {
			apply(mailbox, GPOINTER_TO_UINT(uid), plan);
			g_ptr_array_remove_index(plans, i);
		} else {
			i++;
		}
	}
	if (!plans->len)
		tell(mailbox, GPOINTER_TO_UINT(uid));
	return !plans->len;
}

void
mailbox_flags_listed(Mailbox *mailbox)
{
	if (mailbox->planned_flags)
		g_hash_table_foreach_remove(mailbox->planned_flags, end_done, mailbox);
}

GRefString *
mailbox_flags(const Mailbox *mailbox, const Message *message)
{
	const GPtrArray *plans = plans_of(mailbox, message->uid);
	g_autofree char *flags = plans ? g_strdup(message->flags) : NULL;

	for (guint i = 0; plans && i < plans->len; i++) {
		const Plan *plan = plans->pdata[i];
		char *next = flags_words_apply(flags, plan->sign, plan->words);

		g_free(flags);
		flags = next;
	}
	return plans ? g_ref_string_new_intern(flags) : g_ref_string_acquire(message->flags);
}
