/*
 * fuzz-main.c: runs a fuzz target over every file of the folders named on the command line, so that
 * a corpus is an ordinary test.
 */
#include <glib.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t length);

static void
run_file(const char *path)
{
	g_autofree char *contents = NULL;
	g_autoptr(GError) error = NULL;
	gsize length;

	if (!g_file_get_contents(path, &contents, &length, &error))
		g_error("%s", error->message);
	g_test_message("%s", path);
	LLVMFuzzerTestOneInput((const guint8 *)contents, length);
}

static void
run_folder(gconstpointer data)
{
	const char *folder = data, *name;
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	guint n = 0;

	if (!dir)
		g_error("%s", error->message);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		run_file(path);
		n++;
	}
	g_assert_cmpuint(n, >, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (int i = 1; i < argc; i++) {
		g_autofree char *base = g_path_get_basename(argv[i]);
		g_autofree char *name = g_strconcat("/corpus/", base, NULL);
		g_test_add_data_func(name, argv[i], run_folder);
	}
	return g_test_run();
}
