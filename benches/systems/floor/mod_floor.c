/* The least a handler can do: what every request costs whatever answers it.
 *
 *     SetHandler floor
 *
 * The response is the one of the benchmark's WSGI application.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <util_filter.h>

static const char body[] = "Hello, world!";

static int floor_handler(request_rec *r)
{
    apr_bucket_brigade *brigade;

    if (strcmp(r->handler, "floor") != 0)
        return DECLINED;
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, sizeof body - 1);
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(brigade,
        apr_bucket_immortal_create(body, sizeof body - 1, r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    return ap_pass_brigade(r->output_filters, brigade) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(floor_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(floor) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks};
