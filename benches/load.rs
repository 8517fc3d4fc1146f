//! x
#[derive(clap::Args, Debug)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options) -> Result<bool, crate::Failure> {
    Ok(true)
}
