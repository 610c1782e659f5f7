/*
 * scan-client.c: scans a mailbox of a real server as often as lines come in, over one connection.
 *
 *     scan-client PORT USER PASSWORD
 *
 * Each line is "MAILBOX UIDVALIDITY AFTER_UID SINCE_MODSEQ", or "LIST". What was told comes out as
 * one line (remote-recorder.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "remote-recorder.h"

static Record *
record_line(RemoteFixture *fixture, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	RemoteScan scan = {.changes = TRUE};

	if (g_str_equal(line, "LIST"))
		return record_list(fixture, TRUE);
	g_assert_cmpuint(g_strv_length(words), ==, 4);
	scan.mailbox = words[0];
	scan.uidvalidity = (guint32)g_ascii_strtoull(words[1], NULL, 10);
	scan.after_uid = (guint32)g_ascii_strtoull(words[2], NULL, 10);
	scan.since_modseq = g_ascii_strtoull(words[3], NULL, 10);
	return record_scan(fixture, &scan);
}

int
main(int argc, char **argv)
{
	RemoteFixture fixture = {.label = "scan-client"};
	ImapSettings settings = {
		.host = g_strdup("127.0.0.1"),
		.tls = IMAP_TLS_NONE,
		.n_connections = 1,
		.timeout_us = 10 * G_USEC_PER_SEC,
	};
	char line[1000];

	g_assert_cmpint(argc, ==, 4);
	settings.port = (guint16)atoi(argv[1]);
	settings.user = g_strdup(argv[2]);
	settings.password = g_strdup(argv[3]);
	fixture.remote = imap_remote_new(&settings, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		g_autoptr(Record) record = record_line(&fixture, g_strchomp(line));

		WAIT_UNTIL(fixture.label, record->done);
		printf("%s\n", record->log->str);
		fflush(stdout);
	}
	imap_remote_free(fixture.remote);
	return 0;
}
