/* SPDX-License-Identifier: Apache-2.0 */
/* Makes store = "postgres:..." known to this program; once, before a store is opened. */
#ifndef STORE_POSTGRES_REGISTER_H
#define STORE_POSTGRES_REGISTER_H

void store_postgres_register(void);

#endif
