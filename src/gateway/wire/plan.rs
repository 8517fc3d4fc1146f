//! How a request is to be run.

use crate::fcgi::params::push_pair;
use crate::gateway::BodyLength;
use crate::gateway::environ::PRIVATE;

/// The variable with the numbers and the script. One for all: each costs time on both ends.
const PLAN_PARAM: &[u8] = b"mod_wsgi.x-plan";
/// The variable with the file that a handler script is to answer for.
const RESOURCE_PARAM: &[u8] = b"mod_wsgi.x-resource";
/// The variable that says, by the value `1`, that log lines may come as [`LogEntry`](super::LogEntry)s.
pub const LOG_PARAM: &[u8] = b"mod_wsgi.x-log";

/// The first byte of a plan; another number means that its fields are others.
const LAYOUT: u8 = 1;

const RELOAD: u8 = 1;
const FOLD_CASE: u8 = 2;
const HEAD: u8 = 4;
const IGNORE_ACTIVITY: u8 = 8;
const AUTOMATIC: u8 = 16;
const FILES: u8 = 32;
const ALL_FLAGS: u8 = RELOAD | FOLD_CASE | HEAD | IGNORE_ACTIVITY | AUTOMATIC | FILES;

const NO_BODY: u8 = 0;
const KNOWN_BODY: u8 = 1;
const OPEN_BODY: u8 = 2;

/// What a worker has to know of a request besides its environ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlan<'a> {
    /// The script's path.
    pub script: &'a [u8],
    /// The script's time of change as the web server saw it, in the units of the script cache.
    pub stamp: i64,
    /// Whether a changed script is loaded anew (`WSGIScriptReloading`).
    pub reload: bool,
    /// Whether paths that differ in letter case only are one script (`WSGICaseSensitivity Off`).
    pub fold_case: bool,
    /// Whether the client asked for the head alone.
    pub is_head: bool,
    /// Whether the request leaves an inactivity timeout running (`WSGIIgnoreActivity`).
    pub ignore_activity: bool,
    /// Whether the process runs it in the main interpreter if it is for its first application
    /// (`RWSGIApplicationGroup auto`).
    pub is_automatic: bool,
    /// Whether a part of the response may come as a range of a file, with its descriptor beside it.
    pub takes_files: bool,
    /// The file that the request maps to, where a handler script answers for it.
    pub resource: Option<&'a [u8]>,
    /// The request's body.
    pub body: BodyLength,
    /// When the web server began to read the request, in microseconds since the epoch.
    pub request_start_us: u64,
    /// When the request began to wait for a worker, in microseconds since the epoch.
    pub queue_start_us: u64,
}

impl Default for RequestPlan<'_> {
    /// What holds before any variable is taken: no script.
    fn default() -> Self {
        RequestPlan {
            script: b"",
            stamp: 0,
            reload: false,
            fold_case: false,
            is_head: false,
            ignore_activity: false,
            is_automatic: false,
            takes_files: false,
            resource: None,
            body: BodyLength::None,
            request_start_us: 0,
            queue_start_us: 0,
        }
    }
}

/// Whether a variable's name is one of those that only module and worker use.
pub fn is_private(name: &[u8]) -> bool {
    name.starts_with(PRIVATE)
}

impl<'a> RequestPlan<'a> {
    /// Appends the plan as encoded variables.
    pub fn push_params(&self, out: &mut Vec<u8>) {
        const USUAL_PATH: usize = 256;
        let mut plan = smallvec::SmallVec::<[u8; USUAL_PATH]>::new();
        let (body, length) = match self.body {
            BodyLength::None => (NO_BODY, 0),
            BodyLength::Known(length) => (KNOWN_BODY, length),
            BodyLength::Open => (OPEN_BODY, 0),
        };
        plan.extend_from_slice(&[LAYOUT, self.flags(), body]);
        plan.extend_from_slice(&length.to_be_bytes());
        plan.extend_from_slice(&self.stamp.to_be_bytes());
        plan.extend_from_slice(&self.request_start_us.to_be_bytes());
        plan.extend_from_slice(&self.queue_start_us.to_be_bytes());
        plan.extend_from_slice(self.script);
        push_pair(out, PLAN_PARAM, &plan);
        if let Some(resource) = self.resource {
            push_pair(out, RESOURCE_PARAM, resource);
        }
    }

    /// Takes a variable over if it belongs to a plan. False for any other, and for a malformed one: a name
    /// that [`is_private`] and is not taken means that the request must be refused, as does a plan that
    /// [is not complete](Self::is_complete) in the end.
    pub fn take(&mut self, name: &'a [u8], value: &'a [u8]) -> bool {
        match name {
            PLAN_PARAM => self.take_plan(value).is_some(),
            RESOURCE_PARAM => {
                self.resource = Some(value);
                true
            }
            // The worker asks for this one by its own name; it changes nothing here.
            LOG_PARAM => value == b"1",
            _ => false,
        }
    }

    /// Whether there is something to run.
    pub fn is_complete(&self) -> bool {
        !self.script.is_empty()
    }

    fn flags(&self) -> u8 {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        flag(self.reload, RELOAD)
            | flag(self.fold_case, FOLD_CASE)
            | flag(self.is_head, HEAD)
            | flag(self.ignore_activity, IGNORE_ACTIVITY)
            | flag(self.is_automatic, AUTOMATIC)
            | flag(self.takes_files, FILES)
    }

    fn take_plan(&mut self, value: &'a [u8]) -> Option<()> {
        let ([layout, flags, body], rest) = value.split_first_chunk::<3>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (stamp, rest) = rest.split_first_chunk::<8>()?;
        let (request_start, rest) = rest.split_first_chunk::<8>()?;
        let (queue_start, script) = rest.split_first_chunk::<8>()?;
        if *layout != LAYOUT || flags & !ALL_FLAGS != 0 || script.is_empty() || self.is_complete() {
            return None;
        }
        self.body = match (*body, u64::from_be_bytes(*length)) {
            (NO_BODY, 0) => BodyLength::None,
            (KNOWN_BODY, length) => BodyLength::Known(length),
            (OPEN_BODY, 0) => BodyLength::Open,
            _ => return None,
        };
        self.reload = flags & RELOAD != 0;
        self.fold_case = flags & FOLD_CASE != 0;
        self.is_head = flags & HEAD != 0;
        self.ignore_activity = flags & IGNORE_ACTIVITY != 0;
        self.is_automatic = flags & AUTOMATIC != 0;
        self.takes_files = flags & FILES != 0;
        self.stamp = i64::from_be_bytes(*stamp);
        self.request_start_us = u64::from_be_bytes(*request_start);
        self.queue_start_us = u64::from_be_bytes(*queue_start);
        self.script = script;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::params::Pairs;
    use crate::gateway::Name;
    use proptest::prelude::*;

    fn pairs(params: &[u8]) -> Vec<(&[u8], &[u8])> {
        Pairs::new(params)
            .collect::<Result<_, _>>()
            .expect("well encoded")
    }

    fn a_body() -> impl Strategy<Value = BodyLength> {
        prop_oneof![
            Just(BodyLength::None),
            any::<u64>().prop_map(BodyLength::Known),
            Just(BodyLength::Open)
        ]
    }

    proptest! {
        #[test]
        fn a_plan_arrives_as_it_was_pushed(script in prop::collection::vec(any::<u8>(), 1..400),
                                           resource in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
                                           flags in any::<[bool; 6]>(), body in a_body(), stamp in any::<i64>(),
                                           times in any::<[u64; 2]>()) {
            let [reload, fold_case, is_head, ignore_activity, is_automatic, takes_files] = flags;
            let plan = RequestPlan {
                script: &script, stamp, reload, fold_case, is_head, ignore_activity, is_automatic,
                takes_files, resource: resource.as_deref(), body, request_start_us: times[0], queue_start_us: times[1],
            };
            let mut params = Vec::new();
            plan.push_params(&mut params);
            let mut read = RequestPlan::default();
            for (name, value) in pairs(&params) {
                prop_assert!(is_private(name) && Name::Final(name).key().is_none());
                prop_assert!(read.take(name, value));
            }
            prop_assert!(read.is_complete());
            prop_assert_eq!(read, plan);
        }

        #[test]
        fn any_plan_is_taken_whole_or_not_at_all(value in prop::collection::vec(any::<u8>(), 0..60)) {
            for value in [value.clone(), [&[LAYOUT, 0, KNOWN_BODY][..], &value].concat()] {
                let mut plan = RequestPlan::default();
                let taken = plan.take(PLAN_PARAM, &value);
                prop_assert_eq!(taken, plan.is_complete());
            }
        }
    }

    #[test]
    fn malformed_plans_are_not_taken() {
        let plan = RequestPlan {
            script: b"/a.wsgi",
            ..RequestPlan::default()
        };
        let mut params = Vec::new();
        plan.push_params(&mut params);
        let good = pairs(&params)[0].1;
        for (position, byte) in [(0, 2), (1, 0x40), (2, 3), (3, 1)] {
            let mut bad = good.to_vec();
            bad[position] = byte;
            assert!(!RequestPlan::default().take(PLAN_PARAM, &bad), "{position}");
        }
        for length in 0..=good.len() - plan.script.len() {
            assert!(
                !RequestPlan::default().take(PLAN_PARAM, &good[..length]),
                "{length}"
            );
        }
        let mut twice = RequestPlan::default();
        assert!(twice.take(PLAN_PARAM, good));
        assert!(!twice.take(PLAN_PARAM, good));
    }

    #[test]
    fn other_names_are_left_to_the_environ() {
        let mut plan = RequestPlan::default();
        assert!(!plan.take(b"SCRIPT_NAME", b"/x"));
        assert!(!plan.take(b"mod_wsgi.x-unknown", b"1"));
        assert!(plan.take(LOG_PARAM, b"1"));
        assert!(!plan.take(LOG_PARAM, b"2"));
        assert_eq!(plan, RequestPlan::default());
    }
}
