/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token's objects live: store = "sqlite:/path", "postgres:CONNINFO", "net". */
#ifndef BASE_CONF_STORE_H
#define BASE_CONF_STORE_H

enum conf_store_engine { CONF_STORE_SQLITE, CONF_STORE_POSTGRES, CONF_STORE_NET };

#endif
