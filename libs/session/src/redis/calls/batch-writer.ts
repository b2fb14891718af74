import type { Redis } from 'ioredis';

/** Takes the place of the client's stream while a batch is put together, as ioredis's own pipelines do. */
export class BatchWriter {
  private text = '';
  private isEnded = false;

  constructor(private readonly client: Redis) {}

  /** @param text a character for each byte */
  write(text: string): void {
    // After the batch, ioredis may write a call of it again, to the stream of another connection.
    if (this.isEnded) this.client.stream.write(text, 'latin1');
    else this.text += text;
  }

  end(): void {
    this.isEnded = true;
    if (this.text !== '') this.client.stream.write(this.text, 'latin1');
    this.text = '';
  }
}
