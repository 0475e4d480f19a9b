/** The settings of all pairs. The service has them, whoever owns the profile. */
import { failureOf } from "../bridge/call";
import { commands, type Failure, type ProfileSettings, type ProfileView } from "../bridge/generated";

/** Read once it is made. */
export class Profile {
  view = $state.raw<ProfileView | null>(null);
  /** Why they cannot be read. */
  failure = $state.raw<Failure | null>(null);

  constructor() {
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      this.view = await commands.profileSettings();
    } catch (thrown) {
      this.failure = failureOf(thrown);
    }
  }

  /** Changes some of them; why not, if that cannot be. */
  async change(part: Partial<ProfileSettings>): Promise<Failure | null> {
    try {
      await this.set(part);
      return null;
    } catch (thrown) {
      return failureOf(thrown);
    }
  }

  /** Changes some of them. */
  async set(part: Partial<ProfileSettings>): Promise<void> {
    const now = this.view;
    if (now) this.view = await commands.changeProfileSettings({ ...now.settings, ...part });
  }
}
