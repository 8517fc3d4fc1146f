//! Files that httpd serves itself, error pages, limits.

use std::path::Path;

use super::{Places, Site};
use crate::cli::text::Text;

/// Files, and what holds for all.
pub(super) fn write(text: &mut Text, site: &Site, places: &Places) -> Result<(), String> {
    let options = &site.options;
    text.raw("<Directory />\n    AllowOverride None\n    Require all denied\n</Directory>\n");
    text.line(
        "TypesConfig",
        &[&places.root.join("mime.types").to_string_lossy()],
    )?;
    if let Some(bytes) = options.limit_request_body {
        text.raw(&format!("LimitRequestBody {bytes}\n"));
    }
    if options.compress_responses {
        text.raw(
            "AddOutputFilterByType DEFLATE text/plain text/html text/xml text/css text/javascript \
             application/javascript application/json image/svg+xml\n",
        );
    }
    if options.error_override {
        text.raw("WSGIErrorOverride On\n");
    }
    for pair in &options.error_page {
        error_page(text, &pair.name, &pair.value)?;
    }
    for pair in &options.static_files {
        let path = format!("/{}", pair.name.trim_matches('/'));
        let target = Path::new(&pair.value);
        if !target.exists() {
            return Err(format!("--static {}: {} does not exist", pair.name, pair.value));
        }
        text.line("Alias", &[&path, &pair.value])?;
        text.grant(target)?;
    }
    match &options.document_root {
        Some(folder) => {
            let folder_text = folder.to_string_lossy();
            text.line("DocumentRoot", &[&folder_text])?;
            // A file that is there wins over the application, whose paths stay as they are.
            text.raw("RewriteEngine On\n");
            text.line("RewriteCond", &[&format!("{folder_text}%{{REQUEST_URI}}"), "-f"])?;
            text.line("RewriteRule", &["^(.*)$", &format!("{folder_text}$1"), "[L]"])?;
            text.grant(folder)
        }
        None => text.line("DocumentRoot", &[&places.root.join("htdocs").to_string_lossy()]),
    }
}

fn error_page(text: &mut Text, status: &str, page: &str) -> Result<(), String> {
    if status.len() != 3 || !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("--error-page {status}: a status has three digits"));
    }
    let file = Path::new(page);
    if !file.is_file() {
        return text.line("ErrorDocument", &[status, page]);
    }
    // Above the application's own paths, as what is at / takes the rest.
    let address = format!("/.rwsgi-error/{status}");
    text.line("Alias", &[&address, page])?;
    text.grant(file)?;
    text.raw(&format!(
        "<Location \"{address}\">\n    ForceType text/html\n</Location>\n"
    ));
    text.line("ErrorDocument", &[status, &address])
}
