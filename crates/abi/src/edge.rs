//! The functions that are exported: pointers, 32-bit numbers and doubles, nothing else.
//!
//! A handle is used by one thread at a time. While a call is under way the host may only use `tisync_reply`, from
//! inside its own function.
#![allow(
    unsafe_code,
    reason = "the edge to C: every block says what the caller has to hold"
)]
use crate::core::Core;
use crate::host::{Call, Host, silent};
use std::cell::{RefCell, UnsafeCell};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use tisync_connect::Error;

/// The version of this interface: commands, answers and the form of statements.
pub const VERSION: u32 = 1;

/// The host's function: `call` is a [`Call`]; the reply goes through [`tisync_reply`]. It returns 0, or something else
/// when it could not reply.
#[cfg(not(target_arch = "wasm32"))]
pub type HostFunction = unsafe extern "C" fn(
    context: *mut c_void,
    handle: *mut Handle,
    call: i32,
    request: *const u8,
    bytes: usize,
) -> i32;

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "tisync")]
unsafe extern "C" {
    #[link_name = "host"]
    fn host(
        context: *mut c_void,
        handle: *mut Handle,
        call: i32,
        request: *const u8,
        bytes: usize,
    ) -> i32;
}

/// One core, and the memory in which the host and it exchange what they say.
pub struct Handle {
    core: RefCell<Option<Core>>,
    /// What the host says: written by it between two calls.
    input: UnsafeCell<Vec<u8>>,
    answer: UnsafeCell<Answer>,
    /// What the host replies inside a call.
    reply: Rc<UnsafeCell<Vec<u8>>>,
}

#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    tail: Vec<u8>,
    json_bytes: usize,
}

struct Outside {
    #[cfg(not(target_arch = "wasm32"))]
    host: HostFunction,
    context: *mut c_void,
    handle: *mut Handle,
    reply: Rc<UnsafeCell<Vec<u8>>>,
}

impl Host for Outside {
    fn ask(&self, call: Call, request: &[u8], reply: &mut Vec<u8>) -> Result<(), Error> {
        // The buffer goes back and forth, so that its memory is used again.
        reply.clear();
        // SAFETY: one thread at a time; no other reference to the buffer lives here or while the host runs.
        unsafe { std::ptr::swap(self.reply.get(), reply) };
        #[cfg(not(target_arch = "wasm32"))]
        let host = self.host;
        // SAFETY: whoever made the handle promised that the function takes these; the request outlives the call.
        let code = unsafe {
            host(
                self.context,
                self.handle,
                call as i32,
                request.as_ptr(),
                request.len(),
            )
        };
        // SAFETY: as above; the host's function has returned.
        unsafe { std::ptr::swap(self.reply.get(), reply) };
        match code {
            0 => Ok(()),
            _ => Err(silent(call)),
        }
    }
}

/// The version of this interface.
#[unsafe(no_mangle)]
pub extern "C" fn tisync_version() -> u32 {
    VERSION
}

/// Makes a core. `host` is called for statements while a command is carried out; `context` is handed on to it.
///
/// # Safety
/// `host` stays callable with `context` until the handle is freed.
#[cfg(not(target_arch = "wasm32"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_new(host: HostFunction, context: *mut c_void) -> *mut Handle {
    make(|handle, reply| Outside {
        host,
        context,
        handle,
        reply,
    })
}

/// Makes a core; the imported function `tisync.host` is called with `context`.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
pub extern "C" fn tisync_new(context: *mut c_void) -> *mut Handle {
    make(|handle, reply| Outside {
        context,
        handle,
        reply,
    })
}

fn make(outside: impl FnOnce(*mut Handle, Rc<UnsafeCell<Vec<u8>>>) -> Outside) -> *mut Handle {
    let reply = Rc::new(UnsafeCell::new(Vec::new()));
    let handle = Box::into_raw(Box::new(Handle {
        core: RefCell::new(None),
        input: UnsafeCell::default(),
        answer: UnsafeCell::default(),
        reply: reply.clone(),
    }));
    let core = Core::new(Rc::new(outside(handle, reply)));
    // SAFETY: just made, and nobody else knows it.
    unsafe { *(*handle).core.borrow_mut() = Some(core) };
    handle
}

/// Frees a core. What was written is in the database.
///
/// # Safety
/// `handle` is one of [`tisync_new`], not freed yet, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_free(handle: *mut Handle) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(handle) });
}

/// Gives memory for a command of so many bytes, valid until the next call of this function or [`tisync_call`].
///
/// # Safety
/// `handle` is a live one, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_input(handle: *mut Handle, bytes: usize) -> *mut u8 {
    // SAFETY: as the caller promises; nothing else borrows the buffer between calls.
    sized(unsafe { &mut *(*handle).input.get() }, bytes)
}

/// Gives memory for the reply of the host's function, valid until that function returns.
///
/// # Safety
/// `handle` is a live one, and the host's function runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_reply(handle: *mut Handle, bytes: usize) -> *mut u8 {
    // SAFETY: as the caller promises; the core holds no reference to the buffer while the host's function runs.
    sized(unsafe { &mut *(*handle).reply.get() }, bytes)
}

fn sized(buffer: &mut Vec<u8>, bytes: usize) -> *mut u8 {
    buffer.clear();
    buffer.resize(bytes, 0);
    buffer.as_mut_ptr()
}

/// Carries out the command in the memory of [`tisync_input`]: `json_bytes` of JSON, and what comes behind it. The
/// times are milliseconds: since 1970, and of a clock that never goes back. Returns 0, or 1 for an error, or 2 when
/// the core is broken and must be made anew; the answer is at [`tisync_answer`].
///
/// # Safety
/// `handle` is a live one, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_call(
    handle: *mut Handle,
    json_bytes: usize,
    wall_ms: f64,
    monotonic_ms: f64,
) -> i32 {
    // SAFETY: as the caller promises; the host touches only `reply` meanwhile, which is a cell of its own.
    let (handle, input, answer) = unsafe {
        let handle = &*handle;
        (handle, &*handle.input.get(), &mut *handle.answer.get())
    };
    let Ok(mut core) = handle.core.try_borrow_mut() else {
        return 2;
    };
    let Some(carrier) = core.as_mut() else {
        return 2;
    };
    let (command, body) = input.split_at(json_bytes.min(input.len()));
    let Answer {
        bytes,
        tail,
        json_bytes,
    } = answer;
    // On wasm32 a panic is a trap; elsewhere it must not reach the caller.
    let call = AssertUnwindSafe(|| {
        carrier.call(
            command,
            body,
            wall_ms as u64,
            monotonic_ms as u64,
            bytes,
            tail,
        )
    });
    let Ok(succeeded) = catch_unwind(call) else {
        *core = None;
        return 2;
    };
    *json_bytes = bytes.len();
    bytes.extend_from_slice(tail);
    i32::from(!succeeded)
}

/// Where the answer to the last call begins: valid until the next one.
///
/// # Safety
/// `handle` is a live one, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_answer(handle: *const Handle) -> *const u8 {
    // SAFETY: as the caller promises.
    unsafe { (*(*handle).answer.get()).bytes.as_ptr() }
}

/// How many bytes the answer has.
///
/// # Safety
/// `handle` is a live one, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_answer_bytes(handle: *const Handle) -> usize {
    // SAFETY: as the caller promises.
    unsafe { (*(*handle).answer.get()).bytes.len() }
}

/// How many of them are JSON; the bodies of requests come behind.
///
/// # Safety
/// `handle` is a live one, and no call on it is under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tisync_answer_json_bytes(handle: *const Handle) -> usize {
    // SAFETY: as the caller promises.
    unsafe { (*(*handle).answer.get()).json_bytes }
}
