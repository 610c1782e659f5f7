/*
 * test-disk.c: jobs on a thread, in order, and reported in order.
 */
#include "disk.h"

#include <pthread.h>

/* What happened, in order. The worker appends to runs, the loop to reports. */
typedef struct {
	Disk *disk;
	GString *runs, *reports;
	pthread_mutex_t gate; /* a job named '|' runs only once this can be had */
	pthread_t loop;
	gboolean flush_in_done;
	gint held; /* the worker waits at the gate */
} Log;

typedef struct {
	DiskJob job;
	Log *log;
	char name;
} Named;

static void
named_run(DiskJob *job)
{
	Named *named = (Named *)job;

	g_assert_false(pthread_equal(pthread_self(), named->log->loop));
	if (named->name == '|') {
		g_atomic_int_set(&named->log->held, TRUE);
		pthread_mutex_lock(&named->log->gate);
		pthread_mutex_unlock(&named->log->gate);
	}
	g_string_append_c(named->log->runs, named->name);
	if (!job->done)
		g_free(named);
}

static void push_named(Log *log, char name);

/* 'p' pushes another when it is done; 'f' waits for all. */
static void
named_done(DiskJob *job)
{
	Named *named = (Named *)job;

	g_assert_true(pthread_equal(pthread_self(), named->log->loop));
	g_string_append_c(named->log->reports, named->name);
	if (named->name == 'p')
		push_named(named->log, 'q');
	if (named->name == 'f')
		disk_flush(named->log->disk);
	g_free(named);
}

/* Capitals are urgent, digits report nothing. */
static void
push_named(Log *log, char name)
{
	Named *named = g_new0(Named, 1);

	named->job.run = named_run;
	named->job.done = g_ascii_isdigit(name) ? NULL : named_done;
	named->log = log;
	named->name = name;
	(g_ascii_isupper(name) ? disk_push_urgent : disk_push)(log->disk, &named->job);
}

static void
log_init(Log *log)
{
	*log = (Log){.disk = disk_new(), .loop = pthread_self()};
	log->runs = g_string_new(NULL);
	log->reports = g_string_new(NULL);
	pthread_mutex_init(&log->gate, NULL);
}

static void
log_clear(Log *log)
{
	g_string_free(log->runs, TRUE);
	g_string_free(log->reports, TRUE);
	pthread_mutex_destroy(&log->gate);
}

typedef struct {
	const char *label, *pushed, *runs, *reports;
} Row;

/* All of a row is pushed while its '|' holds the worker, so that the order is certain. */
static const Row rows[] = {
	{"nothing", "", "", ""},
	{"in order", "|abcdef", "|abcdef", "|abcdef"},
	{"urgent ones go ahead", "|abAcB", "|ABabc", "|ABabc"},
	{"without report", "|a1b2", "|a1b2", "|ab"},
	{"done pushes", "|apb", "|apbq", "|apbq"},
	{"done flushes", "|afbc", "|afbc", "|afbc"},
	{"done flushes what was pushed by one before", "|pfb", "|pfbq", "|pfbq"},
};

static void
push_row(Log *log, const Row *row)
{
	pthread_mutex_lock(&log->gate);
	for (const char *name = row->pushed; *name; name++) {
		push_named(log, *name);
		while (*name == '|' && !g_atomic_int_get(&log->held))
			g_usleep(100); /* until the worker has taken it */
	}
	pthread_mutex_unlock(&log->gate);
}

static void
test_order(gconstpointer data)
{
	const Row *row = data;
	Log log;

	log_init(&log);
	push_row(&log, row);
	disk_free(log.disk);
	g_assert_cmpstr(log.runs->str, ==, row->runs);
	g_assert_cmpstr(log.reports->str, ==, row->reports);
	log_clear(&log);
}

/* The loop is woken by itself. */
static void
test_loop(gconstpointer data)
{
	const Row *row = data;
	Log log;

	log_init(&log);
	push_row(&log, row);
	while (log.reports->len < strlen(row->reports))
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpstr(log.reports->str, ==, row->reports);
	disk_free(log.disk);
	log_clear(&log);
}

static void
test_flush(void)
{
	Log log;

	log_init(&log);
	disk_flush(log.disk);
	for (int i = 0; i < 1000; i++)
		push_named(&log, 'a');
	disk_flush(log.disk);
	g_assert_cmpuint(log.reports->len, ==, 1000);
	push_named(&log, '1');
	disk_flush(log.disk);
	g_assert_cmpuint(log.runs->len, ==, 1001);
	disk_free(log.disk);
	log_clear(&log);
}

/* done()s go to the context that was the thread's when the Disk was made, and to no other. */
static void
test_context(void)
{
	GMainContext *context = g_main_context_new();
	Log log;

	g_main_context_push_thread_default(context);
	log_init(&log);
	g_main_context_pop_thread_default(context);
	push_named(&log, 'a');
	g_usleep(2000);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpstr(log.reports->str, ==, "");
	while (!log.reports->len)
		g_main_context_iteration(context, TRUE);
	disk_free(log.disk);
	log_clear(&log);
	g_main_context_unref(context);
}

static void
test_many(void)
{
	enum { N = 100000 };
	gint64 begin;
	Log log;

	log_init(&log);
	begin = g_get_monotonic_time();
	for (int i = 0; i < N; i++)
		push_named(&log, i % 3 ? 'a' : 'A');
	disk_free(log.disk);
	g_test_message("%d jobs in %.1f ms", N, (double)(g_get_monotonic_time() - begin) / 1000.0);
	g_assert_cmpuint(log.reports->len, ==, N);
	log_clear(&log);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *order = g_strdup_printf("/disk/order/%s", rows[i].label);
		g_autofree char *loop = g_strdup_printf("/disk/loop/%s", rows[i].label);

		g_test_add_data_func(order, &rows[i], test_order);
		g_test_add_data_func(loop, &rows[i], test_loop);
	}
	g_test_add_func("/disk/flush", test_flush);
	g_test_add_func("/disk/context", test_context);
	g_test_add_func("/disk/many", test_many);
	return g_test_run();
}
