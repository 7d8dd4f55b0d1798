#![no_main]
libfuzzer_sys::fuzz_target!(
    init: {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !targets::engine::is_crash(info) {
                hook(info);
            }
        }));
    },
    |data: &[u8]| targets::engine::run(data)
);
