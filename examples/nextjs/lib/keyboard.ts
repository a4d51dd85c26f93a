// What is typed, sent in order: one request at a time, with all that came together meanwhile.
import type { TerminalInput, TerminalSize } from './events';

export class Keyboard {
  private data = '';
  private size: TerminalSize | undefined;
  private busy = false;

  constructor(private readonly send: (input: TerminalInput) => Promise<void>) {}

  type(data: string): void {
    this.data += data;
    void this.flush();
  }

  resize(size: TerminalSize): void {
    this.size = size;
    void this.flush();
  }

  private async flush(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    while (this.data || this.size) {
      const input = { data: this.data || undefined, size: this.size };
      this.data = '';
      this.size = undefined;
      // A terminal that has ended takes no keys; its own stream tells of that.
      await this.send(input).catch(() => undefined);
    }
    this.busy = false;
  }
}
