//! `rwsgi serve`: an application, an httpd around it, and nothing to configure.

mod configuration;
mod file;
mod keep;
mod options;
mod place;
mod reload;
mod run;
mod site;

use std::env;
use std::fs;
use std::path::Path;

use super::private_root::PrivateRoot;
pub use options::Options;
use site::Site;

/// What the private folder of a server is called after.
const PURPOSE: &str = "serve";

/// Carries out the command; what it prints at its end.
///
/// # Errors
/// What is wrong, and what to do.
pub fn serve(options: &Options) -> Result<String, String> {
    let site = find(options)?;
    if options.print_config {
        return configuration::write(
            &site,
            &place::foreground(&site, PrivateRoot::for_purpose(PURPOSE).path()),
        );
    }
    if let Some(folder) = &options.setup {
        return keep::write(&site, folder);
    }
    run::run(&site)
}

/// Hands the configuration that `rwsgi serve --config FILE` would serve to `judge`.
///
/// # Errors
/// What is wrong with the file, or what `judge` says.
pub fn with_configuration_of<T>(
    file: &Path,
    judge: impl FnOnce(&Path) -> Result<T, String>,
) -> Result<T, String> {
    let options = Options {
        config: Some(file.to_owned()),
        // Whether a port is free is another matter.
        port: Some(0),
        ..Options::default()
    };
    let site = find(&options)?;
    let root = private_root()?;
    let places = place::foreground(&site, root.path());
    place::write(&site, &places)?;
    judge(&places.root.join("httpd.conf"))
}

/// The folder of a server that is not to stay.
fn private_root() -> Result<PrivateRoot, String> {
    let root = PrivateRoot::for_purpose(PURPOSE);
    root.make_anew()
        .map_err(|error| place::told(root.path(), &error))?;
    Ok(root)
}

/// Everything that the options mean, looked up.
fn find(options: &Options) -> Result<Site, String> {
    let here = env::current_dir().map_err(|error| format!("the working directory: {error}"))?;
    let options = options.clone().in_own_words();
    let read = |file: &Path| fs::read_to_string(file).map_err(|error| place::told(file, &error));
    let wanted = match &options.config {
        None => file::read(&options, None)?,
        Some(name) => {
            let name = here.join(name);
            let folder = name.parent().unwrap_or(&here);
            file::read(&options, Some((&read(&name)?, folder)))
                .map_err(|problem| format!("{}: {problem}", name.display()))?
        }
    };
    Site::find(wanted, &here)
}
