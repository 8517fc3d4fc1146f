/* One linkable function per httpd or APR macro that bindgen cannot see.
 * No state, no policy, nothing of Python. Read by bindgen and by src/ffi/shim.c. */
#ifndef RWSGI_SHIM_H
#define RWSGI_SHIM_H

#include "httpd.h"
#include "http_config.h"
#include "util_filter.h"
#include "apr_buckets.h"

/* Log one line of text as data, never as a format. `module` is the module's own index. */
void rwsgi_log_request(const request_rec *r, int module, int level, const char *text);
void rwsgi_log_server(const server_rec *s, int module, int level, const char *text);
void rwsgi_log_startup(apr_pool_t *p, int module, int level, const char *text);
void rwsgi_log_request_from(const request_rec *r, int module, int level, const char *file, int line,
                            const char *text);
void rwsgi_log_server_from(const server_rec *s, int module, int level, const char *file, int line,
                           const char *text);
int rwsgi_request_logs_at(const request_rec *r, int module, int level);
int rwsgi_server_logs_at(const server_rec *s, int module, int level);
int rwsgi_server_log_level(const server_rec *s, int module);

/* Brigade and bucket rings. */
void rwsgi_brigade_append(apr_bucket_brigade *bb, apr_bucket *b);
int rwsgi_brigade_is_empty(const apr_bucket_brigade *bb);
apr_bucket *rwsgi_brigade_first(const apr_bucket_brigade *bb);
apr_bucket *rwsgi_brigade_sentinel(apr_bucket_brigade *bb);
apr_bucket *rwsgi_bucket_next(const apr_bucket *b);
int rwsgi_bucket_is_eos(const apr_bucket *b);
int rwsgi_bucket_is_metadata(const apr_bucket *b);
apr_status_t rwsgi_bucket_read(apr_bucket *b, const char **data, apr_size_t *length);
void rwsgi_bucket_delete(apr_bucket *b);

/* mod_ssl's function that tells whether a connection is encrypted; null when mod_ssl is not loaded. */
typedef int (*rwsgi_tls_test)(conn_rec *);
rwsgi_tls_test rwsgi_find_tls_test(void);

/* mod_ssl's variables by name; null when mod_ssl is not loaded. */
typedef char *(*rwsgi_tls_lookup)(apr_pool_t *, server_rec *, conn_rec *, request_rec *, char *);
rwsgi_tls_lookup rwsgi_find_tls_lookup(void);

#endif
