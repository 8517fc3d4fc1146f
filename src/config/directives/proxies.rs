//! Arguments of the directives that hold lists: trusted proxies and allowed process groups.

use std::sync::Arc;

use super::super::scripts::literal_group;
use super::super::trusted::Network;
use super::call::Call;
use super::{ConfigError, Problem};

/// `WSGITrustedProxies address...`
pub(super) fn trusted(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let mut networks = Vec::new();
    for word in call.all_words()? {
        let Some(network) = Network::parse(&word) else {
            let allowed = "IP addresses and networks such as 10.0.0.0/8, no host names";
            return Err(call.error(Problem::Value { value: word, allowed }));
        };
        networks.push(network);
    }
    append(&mut call.scope.dir.trusted_proxies, networks);
    Ok(())
}

/// `WSGITrustedProxyHeaders header...`
pub(super) fn headers(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let names = call.all_words()?;
    let keys = names.iter().map(|name| Arc::from(environ_key(name))).collect();
    append(&mut call.scope.dir.trusted_proxy_headers, keys);
    Ok(())
}

/// `WSGIRestrictProcess name...`
pub(super) fn restrict_process(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let groups = call.all_words()?;
    let names = groups.iter().map(|group| Arc::from(literal_group(group)));
    call.scope.dir.restrict_process = Some(names.collect());
    Ok(())
}

/// Adds to what an earlier line of the same place says.
fn append<T: Clone>(list: &mut Option<Arc<[T]>>, further: Vec<T>) {
    let earlier = list.as_deref().unwrap_or_default();
    *list = Some(earlier.iter().cloned().chain(further).collect());
}

/// `X-Forwarded-For` as `HTTP_X_FORWARDED_FOR`.
fn environ_key(header: &str) -> String {
    let mut key = String::from("HTTP_");
    key.extend(header.chars().map(|c| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        'A'..='Z' | '0'..='9' => c,
        _ => '_',
    }));
    key
}
