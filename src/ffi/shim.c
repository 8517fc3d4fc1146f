#include "shim.h"
#include "http_log.h"
#include "http_core.h"
#include "apr_optional.h"
#include "mod_ssl.h"

_Static_assert(MODULE_MAGIC_NUMBER_MAJOR == 20120211, "rwsgi speaks httpd 2.4's module interface only");
_Static_assert(MODULE_MAGIC_COOKIE == 0x41503234UL, "httpd 2.4's module cookie is AP24");

void rwsgi_log_request(const request_rec *r, int module, int level, const char *text)
{
    ap_log_rerror_(NULL, 0, module, level, 0, r, "%s", text);
}

void rwsgi_log_server(const server_rec *s, int module, int level, const char *text)
{
    ap_log_error_(NULL, 0, module, level, 0, s, "%s", text);
}

void rwsgi_log_request_from(const request_rec *r, int module, int level, const char *file, int line,
                            const char *text)
{
    ap_log_rerror_(file, line, module, level, 0, r, "%s", text);
}

void rwsgi_log_server_from(const server_rec *s, int module, int level, const char *file, int line,
                           const char *text)
{
    ap_log_error_(file, line, module, level, 0, s, "%s", text);
}

void rwsgi_log_startup(apr_pool_t *p, int module, int level, const char *text)
{
    ap_log_perror_(NULL, 0, module, level, 0, p, "%s", text);
}

int rwsgi_request_logs_at(const request_rec *r, int module, int level)
{
    return ap_get_request_module_loglevel(r, module) >= (level & APLOG_LEVELMASK);
}

int rwsgi_server_logs_at(const server_rec *s, int module, int level)
{
    return ap_get_server_module_loglevel(s, module) >= (level & APLOG_LEVELMASK);
}

int rwsgi_server_log_level(const server_rec *s, int module)
{
    return ap_get_server_module_loglevel(s, module);
}

void rwsgi_brigade_append(apr_bucket_brigade *bb, apr_bucket *b)
{
    APR_BRIGADE_INSERT_TAIL(bb, b);
}

int rwsgi_brigade_is_empty(const apr_bucket_brigade *bb)
{
    return APR_BRIGADE_EMPTY(bb);
}

apr_bucket *rwsgi_brigade_first(const apr_bucket_brigade *bb)
{
    return APR_BRIGADE_FIRST(bb);
}

apr_bucket *rwsgi_brigade_sentinel(apr_bucket_brigade *bb)
{
    return APR_BRIGADE_SENTINEL(bb);
}

apr_bucket *rwsgi_bucket_next(const apr_bucket *b)
{
    return APR_BUCKET_NEXT(b);
}

int rwsgi_bucket_is_eos(const apr_bucket *b)
{
    return APR_BUCKET_IS_EOS(b);
}

int rwsgi_bucket_is_metadata(const apr_bucket *b)
{
    return APR_BUCKET_IS_METADATA(b);
}

apr_status_t rwsgi_bucket_read(apr_bucket *b, const char **data, apr_size_t *length)
{
    return apr_bucket_read(b, data, length, APR_BLOCK_READ);
}

void rwsgi_bucket_delete(apr_bucket *b)
{
    apr_bucket_delete(b);
}

rwsgi_tls_test rwsgi_find_tls_test(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(ssl_is_https);
}

rwsgi_tls_lookup rwsgi_find_tls_lookup(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);
}
