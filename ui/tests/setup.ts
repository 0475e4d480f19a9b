// The pure parts are tested without a page; the language alone is noted on one.
Object.assign(globalThis, { document: { documentElement: { lang: "", dataset: {} } } });
