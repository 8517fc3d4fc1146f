//! Finds httpd's headers and Python's library, generates the bindings and builds the shim.
//!
//! Every missing piece ends the build with one line that names what to install.

use std::env;
use std::process::exit;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // httpd must never unload the module: Python and thread-local destructors stay mapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    #[cfg(feature = "python")]
    python::link();
    #[cfg(feature = "httpd")]
    httpd::build();
}

fn fail(what: &str, fix: &str) -> ! {
    println!("cargo::error={what}; {fix}");
    exit(1)
}

#[cfg(feature = "python")]
mod python {
    use super::*;
    use std::path::Path;

    /// Directories the dynamic linker searches without an rpath.
    const SYSTEM_LIB_DIRS: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];

    pub(super) fn link() {
        println!("cargo:rerun-if-env-changed=PYO3_PYTHON");
        println!("cargo:rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
        let config = pyo3_build_config::get();
        pyo3_build_config::use_pyo3_cfgs();
        println!("cargo:rustc-env=RWSGI_PYTHON_VERSION={}", config.version());
        if let Some(program) = config.executable() {
            println!("cargo:rustc-env=RWSGI_PYTHON_PROGRAM={program}");
        }
        // An extension finds Python's symbols in the executable that imports it.
        if env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_some() {
            return;
        }
        let Some(dir) = config.lib_dir() else { return };
        let version = config.version();
        if !config.shared() && !has_static_library(Path::new(dir), &version.to_string()) {
            fail(
                &format!("Python {version} has neither a shared nor a static libpython in {dir}"),
                "install the package libpython3-dev, or name a Python built with --enable-shared by PYTHON=",
            );
        }
        if config.shared() && !has_shared_library(Path::new(dir), &version.to_string()) {
            fail(
                &format!("libpython{version}.so is not in {dir}"),
                "install the package libpython3-dev (the development files of the Python named by PYTHON=)",
            );
        }
        if !is_system_directory(dir) {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{dir}");
        }
    }

    fn is_system_directory(dir: &str) -> bool {
        SYSTEM_LIB_DIRS.iter().any(|system| {
            dir == *system
                || dir
                    .strip_prefix(system)
                    .is_some_and(|rest| rest.ends_with("-linux-gnu"))
        })
    }

    fn has_shared_library(dir: &Path, version: &str) -> bool {
        ["", "t"]
            .iter()
            .any(|abi| dir.join(format!("libpython{version}{abi}.so")).exists())
    }

    fn has_static_library(dir: &Path, version: &str) -> bool {
        dir.join(format!("libpython{version}.a")).exists()
    }
}

#[cfg(feature = "httpd")]
mod httpd {
    use super::*;
    use std::panic;
    use std::path::PathBuf;
    use std::process::Command;

    pub(super) fn build() {
        println!("cargo:rerun-if-env-changed=APXS");
        for input in ["include/wrapper.h", "include/shim.h", "src/ffi/shim.c"] {
            println!("cargo:rerun-if-changed={input}");
        }
        let apxs = Apxs::find();
        let includes = apxs.include_dirs();
        let defines = apxs.defines();
        generate_bindings(&includes, &defines);
        compile_shim(&includes, &defines);
    }

    /// httpd's own description of how modules are built.
    struct Apxs(String);

    impl Apxs {
        fn find() -> Apxs {
            let candidates = env::var("APXS").map_or_else(
                |_| vec!["apxs".to_string(), "apxs2".to_string()],
                |named| vec![named],
            );
            for candidate in candidates {
                if Command::new(&candidate)
                    .args(["-q", "INCLUDEDIR"])
                    .output()
                    .is_ok_and(|o| o.status.success())
                {
                    return Apxs(candidate);
                }
            }
            fail(
                "apxs was not found",
                "install the package apache2-dev (Debian, Ubuntu) or httpd-devel (Fedora, RHEL), or set APXS to its path",
            )
        }

        fn query(&self, name: &str) -> String {
            match Command::new(&self.0).args(["-q", name]).output() {
                Ok(output) if output.status.success() => {
                    String::from_utf8_lossy(&output.stdout).trim().to_string()
                }
                _ => String::new(),
            }
        }

        fn include_dirs(&self) -> Vec<PathBuf> {
            let dirs: Vec<PathBuf> = ["INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR"]
                .iter()
                .map(|name| PathBuf::from(self.query(name)))
                .filter(|dir| !dir.as_os_str().is_empty())
                .collect();
            if !dirs.iter().any(|dir| dir.join("httpd.h").exists()) {
                fail(
                    "httpd.h was not found",
                    "install the package apache2-dev (Debian, Ubuntu) or httpd-devel (Fedora, RHEL)",
                );
            }
            dirs
        }

        fn defines(&self) -> Vec<String> {
            let flags = self.query("EXTRA_CPPFLAGS");
            flags
                .split_whitespace()
                .filter(|flag| flag.starts_with("-D"))
                .map(str::to_string)
                .collect()
        }
    }

    /// Makes httpd's status and level macros plain `c_int`, as its functions take them.
    #[derive(Debug)]
    struct IntMacros;

    impl bindgen::callbacks::ParseCallbacks for IntMacros {
        fn int_macro(&self, _name: &str, value: i64) -> Option<bindgen::callbacks::IntKind> {
            i32::try_from(value)
                .ok()
                .map(|_| bindgen::callbacks::IntKind::Int)
        }
    }

    fn generate_bindings(includes: &[PathBuf], defines: &[String]) {
        let builder = bindgen::Builder::default()
            .header("include/wrapper.h")
            .clang_args(includes.iter().map(|dir| format!("-I{}", dir.display())))
            .clang_args(defines)
            .clang_arg("-Iinclude")
            .allowlist_function("(ap|apr|rwsgi)_.*")
            .allowlist_type("(ap|apr)_.*|core_dir_config|module|module_struct|command_rec|cmd_parms|.*_rec|authn_.*|authz_.*")
            .allowlist_var("(ap|AP|apr|APR|AUTHN|AUTHZ|HTTP|OR|RSRC|ACCESS|MODULE|NOT|OPT|REMOTE|SERVER)_.*|APLOG_.*|OK|DECLINED|DONE|ap_unixd_config")
            .blocklist_var("APR_.*(_FMT|_T_FMT)|IPPORT_.*")
            .parse_callbacks(Box::new(IntMacros))
            .default_macro_constant_type(bindgen::MacroTypeVariation::Signed)
            .generate_comments(false)
            .derive_debug(false)
            .layout_tests(true)
            .merge_extern_blocks(true);
        panic::set_hook(Box::new(|_| {}));
        let generated = panic::catch_unwind(panic::AssertUnwindSafe(|| builder.generate()));
        let _ = panic::take_hook();
        let bindings = match generated {
            Ok(Ok(bindings)) => bindings,
            Ok(Err(error)) => fail(
                &format!("httpd's headers could not be read: {error}").replace('\n', " "),
                "check that apache2-dev and libapr1-dev are complete",
            ),
            Err(_) => fail(
                "libclang was not found",
                "install the package libclang-dev (Debian, Ubuntu) or clang-devel (Fedora, RHEL), or set LIBCLANG_PATH",
            ),
        };
        let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("httpd.rs");
        if let Err(error) = bindings.write_to_file(&out) {
            fail(
                &format!("{} could not be written: {error}", out.display()),
                "free some disk space",
            );
        }
    }

    fn compile_shim(includes: &[PathBuf], defines: &[String]) {
        let mut build = cc::Build::new();
        build
            .file("src/ffi/shim.c")
            .include("include")
            .includes(includes)
            .warnings(true);
        for define in defines {
            build.flag(define);
        }
        if let Err(error) = build.try_compile("rwsgi_shim") {
            fail(
                &format!("src/ffi/shim.c could not be compiled: {error}").replace('\n', " "),
                "install a C compiler (package build-essential) and apache2-dev",
            );
        }
    }
}
