/** The one way to the program. */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Events, Failure } from "./generated";

/** Has a command answered; throws a `Failure`. */
export function call<Answer>(command: string, args: Record<string, unknown>): Promise<Answer> {
  return invoke<Answer>(command, args);
}

/** Hears an event until the function returned is called. */
export function on<Name extends keyof Events>(
  name: Name,
  hear: (payload: Events[Name]) => void,
): () => void {
  const listening = listen<Events[Name]>(name, (event) => hear(event.payload));
  return () => void listening.then((stop) => stop());
}

/** What was thrown, as what a person is told. */
export function failureOf(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown && "next_step" in thrown) {
    return thrown as Failure;
  }
  return {
    kind: "permanent",
    cause: "internal",
    operation: null,
    storage: null,
    path: null,
    message: String(thrown),
    next_step: "",
    detail: null,
  };
}
