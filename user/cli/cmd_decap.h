/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert decap: the backend side, without a daemon. */
#ifndef CLI_CMD_DECAP_H
#define CLI_CMD_DECAP_H

/* argv[0] is "decap". Returns the exit status: 0 done, 1 it failed, 2 the command line is wrong. */
int cmd_decap(int argc, char **argv);

#endif
